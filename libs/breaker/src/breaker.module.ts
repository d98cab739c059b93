import { Module, type DynamicModule } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { getCacheToken } from '@infra-kit/cache';
import {
  componentModule,
  componentModuleAsync,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import type { BreakerOptions } from './breaker.config.js';
import { BreakerProvider } from './breaker.provider.js';
import { getBreakerToken } from './breaker.tokens.js';
import { StartCheck } from './nest/start-check.js';
import { createBreaker, type BreakerDeps } from './create-breaker.js';

/** With `share` the module waits for the cache it names; without, it asks for none. */
function definitionWith(cache: string | boolean): ComponentDefinition<BreakerOptions, BreakerProvider> {
  const token = getCacheToken(typeof cache === 'string' ? cache : undefined);
  return {
    component: 'breaker',
    token: BreakerProvider,
    create: (options, deps: BreakerDeps) => createBreaker(options, deps),
    dependencies: cache === false ? {} : { cache: { token: token as symbol } },
  };
}

/** Adds what looks at the application's decorators when it starts. */
function withStartCheck(module: DynamicModule, name: string | undefined): DynamicModule {
  const check = {
    provide: Symbol('infra-kit:breaker:start-check'),
    inject: [ModulesContainer, getBreakerToken(name)],
    useFactory: (modules: ModulesContainer, provider: BreakerProvider) => new StartCheck(modules, provider),
  };
  return { ...module, providers: [...(module.providers ?? []), check] };
}

export type BreakerAsyncOptions<I extends readonly InjectionEntry[]> = AsyncOptions<BreakerOptions, I> & {
  /** For `share`: the cache's name, or true for the default one. */
  readonly cache?: string | true | undefined;
};

/** Provides a `BreakerProvider`, closed by the application's shutdown after the last user hook. */
@Module({})
export class BreakerModule {
  static forRoot(options: BreakerOptions & Placement = {}): DynamicModule {
    const { share } = options;
    const named = typeof share === 'object' ? (share.cache ?? true) : (share ?? false);
    const cache = typeof named === 'object' ? false : named;
    return withStartCheck(componentModule(BreakerModule, definitionWith(cache), options), options.name);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: BreakerAsyncOptions<I>,
  ): DynamicModule {
    const module = componentModuleAsync(BreakerModule, definitionWith(options.cache ?? false), options);
    return withStartCheck(module, options.name);
  }
}
