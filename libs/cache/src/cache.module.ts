import { Module, type DynamicModule } from '@nestjs/common';
import {
  componentModule,
  componentModuleAsync,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import type { CacheOptions } from './cache.config.js';
import { CacheProvider } from './cache.provider.js';
import { createCache } from './create-cache.js';

const definition: ComponentDefinition<CacheOptions, CacheProvider> = {
  component: 'cache',
  token: CacheProvider,
  create: (options, deps) => createCache(options, deps),
  forTest: ({
    url: _url,
    sentinels: _sentinels,
    sentinelName: _sentinelName,
    clusterNodes: _nodes,
    ...options
  }) => ({
    ...options,
    driver: 'memory',
  }),
};

/** Provides a `CacheProvider`, closed by the application's shutdown after the last user hook. */
@Module({})
export class CacheModule {
  static forRoot(options: CacheOptions & Placement = {}): DynamicModule {
    return componentModule(CacheModule, definition, options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOptions<CacheOptions, I>,
  ): DynamicModule {
    return componentModuleAsync(CacheModule, definition, options);
  }
}
