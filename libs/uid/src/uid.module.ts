import { Module, type DynamicModule } from '@nestjs/common';
import {
  componentModule,
  componentModuleAsync,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import { createUid, type UidDependencies } from './create-uid.js';
import type { UidOptions } from './uid.config.js';
import { UidProvider } from './uid.provider.js';
import { WorkerIdSource } from './worker-id-source.js';

const definition: ComponentDefinition<UidOptions, UidProvider, UidDependencies> = {
  component: 'uid',
  token: UidProvider,
  create: createUid,
  dependencies: { workerIdSource: { token: WorkerIdSource, optional: true } },
};

/** `UidProvider` for a Nest application; automatic instance ids come from a `WorkerIdSource`, where one is provided. */
@Module({})
export class UidModule {
  static forRoot(options: UidOptions & Placement = {}): DynamicModule {
    return componentModule(UidModule, definition, options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[]>(
    options: AsyncOptions<UidOptions, I>,
  ): DynamicModule {
    return componentModuleAsync(UidModule, definition, options);
  }
}
