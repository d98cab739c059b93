import { Module, type DynamicModule } from '@nestjs/common';
import { getCacheToken, type CacheProvider } from '@infra-kit/cache';
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
import { createBreaker, type BreakerDeps } from './create-breaker.js';

type CacheDep = Pick<BreakerDeps, 'cache'>;

/** With `share` the module waits for the cache it names; without, it asks for none. */
function definitionWith(
  cache: string | boolean | undefined,
): ComponentDefinition<BreakerOptions, BreakerProvider, CacheDep> {
  const name = typeof cache === 'string' ? cache : undefined;
  const dependencies = cache === undefined || cache === false ? {} : { cache: entryOf(name) };
  return {
    component: 'breaker',
    token: BreakerProvider,
    create: (options, deps) => createBreaker(options, deps),
    dependencies: dependencies as { cache: InjectionEntry },
  };
}

function entryOf(name: string | undefined): InjectionEntry {
  return getCacheToken(name) as Extract<
    InjectionEntry,
    abstract new (...args: never) => CacheProvider | symbol
  >;
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
    const cache = typeof share === 'object' ? (share.cache ?? true) : share;
    return componentModule(BreakerModule, definitionWith(cache), options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: BreakerAsyncOptions<I>,
  ): DynamicModule {
    return componentModuleAsync(BreakerModule, definitionWith(options.cache), options);
  }
}
