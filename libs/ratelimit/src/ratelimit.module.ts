import { Module, type DynamicModule, type InjectionToken, type Provider } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { getCacheToken } from '@infra-kit/cache';
import {
  componentModule,
  componentModuleAsync,
  DEFAULT_INSTANCE,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import { createRateLimit, type RateLimitDependencies } from './create-ratelimit.js';
import { setUpApplication } from './nest/nest-setup.js';
import type { RateLimitOptions } from './ratelimit.config.js';
import { RateLimitProvider } from './ratelimit.provider.js';
import { INSTANCE_COUNT } from './ratelimit.tokens.js';

/** The name of another instance stands beside a factory, never in its result. */
type AsyncRateLimitOptions<I extends readonly InjectionEntry[]> = AsyncOptions<RateLimitOptions, I> & {
  readonly cache?: string | undefined;
};

function definitionFor(
  cache: unknown,
): ComponentDefinition<RateLimitOptions, RateLimitProvider, RateLimitDependencies> {
  const named = typeof cache === 'string';
  const token = getCacheToken(named ? cache : undefined) as symbol;
  return {
    component: 'ratelimit',
    token: RateLimitProvider,
    create: createRateLimit,
    dependencies: {
      cache: { token, optional: !named },
      instances: { token: INSTANCE_COUNT, optional: true },
    },
    forTest: ({ driver: _driver, ...options }) => ({ ...options, driver: 'memory' }),
  };
}

const SET_UP = Symbol('infra-kit: decorators of @infra-kit/ratelimit set up');

/** The default instance is the one that decorators and the guard use. */
function withDecorators(module: DynamicModule, { name }: Placement): DynamicModule {
  if (name !== undefined && name !== DEFAULT_INSTANCE) return module;
  const inject: InjectionToken[] = [RateLimitProvider, ModulesContainer, ApplicationConfig, HttpAdapterHost];
  const setUp: Provider = { provide: SET_UP, inject, useFactory: setUpApplication };
  return { ...module, providers: [...(module.providers ?? []), setUp] };
}

/** Provides a `RateLimitProvider`, and readies the application's decorators. Rules are decided in the cache where there is one. */
@Module({})
export class RateLimitModule {
  static forRoot(options: RateLimitOptions & Placement = {}): DynamicModule {
    return withDecorators(componentModule(RateLimitModule, definitionFor(options.cache), options), options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncRateLimitOptions<I>,
  ): DynamicModule {
    const { cache, ...rest } = options;
    return withDecorators(componentModuleAsync(RateLimitModule, definitionFor(cache), rest), options);
  }
}
