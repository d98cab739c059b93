import { Module, type DynamicModule } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import {
  componentModule,
  componentModuleAsync,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import { createEs, type EsDeps } from './create-es.js';
import type { EsOptions } from './es.config.js';
import { EsProvider } from './es.provider.js';

const definition: ComponentDefinition<EsOptions, EsProvider, Pick<EsDeps, 'modules'>> = {
  component: 'es',
  token: EsProvider,
  create: (options, deps) => createEs(options, deps),
  forTest: ({ nodes: _nodes, node: _node, ...options }) => ({ ...options, driver: 'memory' }),
  dependencies: { modules: { token: LazyModuleLoader, optional: true } },
};

/** Provides an `EsProvider`, closed by the application's shutdown after the last user hook. */
@Module({})
export class EsModule {
  static forRoot(options: EsOptions & Placement = {}): DynamicModule {
    return componentModule(EsModule, definition, options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOptions<EsOptions, I>,
  ): DynamicModule {
    return componentModuleAsync(EsModule, definition, options);
  }
}
