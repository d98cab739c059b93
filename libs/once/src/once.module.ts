import { Module, type DynamicModule, type InjectionToken, type Provider } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { getCacheToken } from '@infra-kit/cache';
import { getDbToken } from '@infra-kit/db';
import {
  componentModule,
  componentModuleAsync,
  DEFAULT_INSTANCE,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import { createOnce, type OnceDependencies } from './create-once.js';
import { setUpApplication } from './nest/nest-setup.js';
import type { OnceConfigOptions } from './once.config.js';
import { OnceProvider } from './once.provider.js';

/** Names of other instances stand beside a factory, never in its result. */
interface Used {
  readonly cache?: string | undefined;
  readonly db?: string | undefined;
}
type AsyncOnceOptions<I extends readonly InjectionEntry[]> = AsyncOptions<OnceConfigOptions, I> & Used;

const nameIn = (given: unknown): string | undefined => (typeof given === 'string' ? given : undefined);
const namesIn = ({ cache, db }: OnceConfigOptions): Used => ({ cache: nameIn(cache), db: nameIn(db) });

/** Taken where they are there; one that is named must be. */
function definitionFor({
  cache,
  db,
}: Used): ComponentDefinition<OnceConfigOptions, OnceProvider, OnceDependencies> {
  return {
    component: 'once',
    token: OnceProvider,
    create: createOnce,
    dependencies: {
      cache: { token: getCacheToken(cache) as symbol, optional: cache === undefined },
      db: { token: getDbToken(db) as symbol, optional: db === undefined },
    },
  };
}

const SET_UP = Symbol('infra-kit: decorators of @infra-kit/once set up');

/** The default instance is the one that `@Idempotent` uses. */
function withDecorators(module: DynamicModule, { name }: Placement): DynamicModule {
  if (name !== undefined && name !== DEFAULT_INSTANCE) return module;
  const inject: InjectionToken[] = [
    OnceProvider,
    ModulesContainer,
    ApplicationConfig,
    HttpAdapterHost,
    ModuleRef,
  ];
  const setUp: Provider = { provide: SET_UP, inject, useFactory: setUpApplication };
  return { ...module, providers: [...(module.providers ?? []), setUp] };
}

/** Provides an `OnceProvider`, and readies `@Idempotent`. Keys are kept in the cache or the database where there is one. */
@Module({})
export class OnceModule {
  static forRoot(options: OnceConfigOptions & Placement = {}): DynamicModule {
    return withDecorators(componentModule(OnceModule, definitionFor(namesIn(options)), options), options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOnceOptions<I>,
  ): DynamicModule {
    const { cache, db, ...rest } = options;
    return withDecorators(componentModuleAsync(OnceModule, definitionFor({ cache, db }), rest), options);
  }
}
