import {
  Global,
  Inject,
  Injectable,
  Module,
  Optional,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { HealthRegistry } from '../lifecycle/health-registry.js';
import { openApplicationStack } from '../lifecycle/opened-stacks.js';
import { ReloadRegistry } from '../lifecycle/reload-registry.js';
import { ResourceStack, type CloseReport } from '../lifecycle/resource-stack.js';
import { Clock, SystemClock } from '../ports/clock.js';
import { Logger } from '../ports/logger.js';
import { NestLogger } from '../ports/nest-logger.js';
import { SwitchableLogger } from '../ports/switchable-logger.js';
import { provideToFactoryMade } from './inject-provider.js';

/** Who this process is; provided by the umbrella, else read from the environment by each component. */
export interface AppIdentity {
  readonly env: string;
  readonly service: string;
  readonly instance: string;
}
export const APP_IDENTITY = Symbol.for('infra-kit:app-identity');

/** Present (not null) when the whole application runs on embedded drivers and a clock of the test. */
export interface TestSetting {
  readonly clock: Clock;
}
/** Override it in a testing module; the umbrella's `forTest` provides `FORCED_TEST_SETTING` instead. */
export const TEST_SETTING = Symbol.for('infra-kit:test-setting');
export const FORCED_TEST_SETTING = Symbol.for('infra-kit:forced-test-setting');

/** What one application gives to each component that it makes. */
@Injectable()
export class ComponentHost {
  constructor(
    @Inject(ModulesContainer) readonly modules: ModulesContainer,
    readonly stack: ResourceStack,
    readonly health: HealthRegistry,
    readonly reload: ReloadRegistry,
    readonly logger: Logger,
    readonly clock: Clock,
    @Inject(TEST_SETTING) readonly test: TestSetting | null,
    @Optional() @Inject(APP_IDENTITY) readonly identity: AppIdentity | undefined,
  ) {}
}

/** Drives the application's stack by Nest's own shutdown, for applications with and without the umbrella. */
@Injectable()
class KernelLifecycle implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #stack: ResourceStack;
  readonly #logger: Logger;
  readonly #modules: ModulesContainer;

  constructor(stack: ResourceStack, logger: Logger, @Inject(ModulesContainer) modules: ModulesContainer) {
    this.#stack = stack;
    this.#logger = logger;
    this.#modules = modules;
    // hooks run by distance from the root: the farthest first at the start, and last at the end, when user hooks may
    // still use every provider
    for (const module of modules.values()) if (module.metatype === KernelModule) module.distance = Infinity;
  }

  async onModuleInit(): Promise<void> {
    try {
      provideToFactoryMade(this.#modules);
    } catch (error) {
      await this.#stack.close();
      throw error;
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#stack.closeThrough('drain');
  }

  async onApplicationShutdown(): Promise<void> {
    reportClose(this.#logger, await this.#stack.close());
  }
}

export function reportClose(logger: Logger, report: CloseReport): void {
  for (const { name, phase, outcome, durationMs, error } of report.resources)
    if (outcome !== 'closed')
      logger.error('a resource did not close', { resource: name, phase, outcome, durationMs, err: error });
}

/** One an application, imported by every component's module: stack, registries, logger, clock. */
@Global()
@Module({
  providers: [
    ComponentHost,
    KernelLifecycle,
    { provide: ResourceStack, useFactory: openApplicationStack },
    HealthRegistry,
    {
      provide: ReloadRegistry,
      useFactory: (logger: Logger, clock: Clock) => new ReloadRegistry({ logger, clock }),
      inject: [Logger, Clock],
    },
    { provide: Logger, useFactory: () => new SwitchableLogger(new NestLogger()) },
    {
      provide: TEST_SETTING,
      useFactory: (forced?: TestSetting) => forced ?? null,
      inject: [{ token: FORCED_TEST_SETTING, optional: true }],
    },
    {
      provide: Clock,
      useFactory: (test: TestSetting | null) => test?.clock ?? new SystemClock(),
      inject: [TEST_SETTING],
    },
  ],
  exports: [ComponentHost, ResourceStack, HealthRegistry, ReloadRegistry, Logger, Clock, TEST_SETTING],
})
export class KernelModule {}
