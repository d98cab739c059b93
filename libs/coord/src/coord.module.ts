import { Module, type DynamicModule } from '@nestjs/common';
import {
  componentModule,
  componentModuleAsync,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import type { CoordOptions } from './coord.config.js';
import { CoordProvider } from './coord.provider.js';
import { createCoord } from './create-coord.js';

const definition: ComponentDefinition<CoordOptions, CoordProvider> = {
  component: 'coord',
  token: CoordProvider,
  create: (options, deps) => createCoord(options, deps),
  forTest: ({ endpoints: _endpoints, snapshotDir: _snapshotDir, ...options }) => ({
    ...options,
    driver: 'memory',
  }),
};

/** Provides a `CoordProvider`, closed by the application's shutdown after the last user hook. */
@Module({})
export class CoordModule {
  static forRoot(options: CoordOptions & Placement = {}): DynamicModule {
    return componentModule(CoordModule, definition, options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOptions<CoordOptions, I>,
  ): DynamicModule {
    return componentModuleAsync(CoordModule, definition, options);
  }
}
