import {
  Module,
  type DynamicModule,
  type FactoryProvider,
  type InjectionToken,
  type MiddlewareConsumer,
  type NestModule,
  type OptionalFactoryDependency,
  type Provider,
} from '@nestjs/common';
import { LazyModuleLoader, ModulesContainer } from '@nestjs/core';
import { CoordProvider } from '@infra-kit/coord';
import {
  APP_IDENTITY,
  FORCED_TEST_SETTING,
  HealthRegistry,
  InfraError,
  KernelModule,
  Logger,
  ReloadRegistry,
  ResourceStack,
  TEST_SETTING,
  envText,
  type InjectionEntry,
  type TestSetting,
} from '@infra-kit/kernel';
import { MetricsProvider } from '@infra-kit/metrics';
import { OUTBOX_LOCKS, type OutboxLocks } from '@infra-kit/outbox';
import { INSTANCE_COUNT } from '@infra-kit/ratelimit';
import { WorkerIdSource } from '@infra-kit/uid';
import { messagingFrom } from './config/messaging.js';
import { COMPONENTS, MetricsSource, OptionsSource } from './config/components.js';
import { logsTo } from './config/exported-logs.js';
import type {
  InfraKitAsyncOptions,
  InfraKitEntry,
  InfraKitOptions,
  InfraKitResult,
} from './config/options.js';
import { SettledConfig } from './config/settled-config.js';
import { constantSource, factorySource, type Source } from './config/source.js';
import { healthController } from './health/health.controller.js';
import { HealthPages, loadTerminus } from './health/health-pages.js';
import { RequestHooks } from './http/request-hooks.js';
import { Coordination } from './lifecycle/coordination.js';
import { fleetSize } from './lifecycle/fleet-size.js';
import { HEALTH_CONTROLLER, InfraKitHost } from './lifecycle/infra-kit-host.js';
import { ShutdownDriver } from './lifecycle/shutdown-driver.js';
import { StartReport } from './lifecycle/start-report.js';

type Mode = 'normal' | 'test';

const nestEntry = (entry: InjectionEntry): InjectionToken | OptionalFactoryDependency =>
  typeof entry === 'object' ? { token: entry.token, optional: entry.optional ?? false } : entry;

async function fakeTestSetting(): Promise<TestSetting> {
  const { FakeClock } = await import('@infra-kit/kernel/testing');
  return { clock: new FakeClock() };
}

function providersOf(source: Source, mode: Mode): Provider[] {
  return [
    {
      provide: SettledConfig,
      inject: [ModulesContainer, TEST_SETTING, ...source.inject.map((entry) => nestEntry(entry))],
      useFactory: async (modules: ModulesContainer, test: TestSetting | null, ...args: unknown[]) => {
        refuseTwins(modules);
        const provides = (token: InjectionToken): boolean =>
          [...modules.values()].some((module) => module.providers.has(token));
        return SettledConfig.settle(await source.read(...args), { test: test !== null, provides });
      },
    },
    { provide: MetricsSource, useExisting: SettledConfig },
    {
      provide: OptionsSource,
      inject: [SettledConfig, { token: MetricsProvider, optional: true }],
      useFactory: (config: SettledConfig) => config,
    },
    ...logsTo(source.loads),
    {
      provide: APP_IDENTITY,
      useFactory: (config: SettledConfig) => config.identity,
      inject: [SettledConfig],
    },
    {
      provide: FORCED_TEST_SETTING,
      useFactory: () => (mode === 'test' || envText('INFRA_ENV') === 'test' ? fakeTestSetting() : undefined),
    },
    RequestHooks,
    {
      provide: ShutdownDriver,
      inject: [ResourceStack, Logger, SettledConfig],
      useFactory: makeShutdownDriver,
    },
    {
      provide: HealthPages,
      inject: [SettledConfig, LazyModuleLoader, HealthRegistry, ReloadRegistry, ShutdownDriver],
      useFactory: makeHealthPages,
    },
    Coordination,
    StartReport,
    InfraKitHost,
  ];
}

/** The settled configuration is one an application: a second umbrella would find its components unconfigured. */
function refuseTwins(modules: ModulesContainer): void {
  const umbrellas = [...modules.values()].filter(({ metatype }) => metatype === InfraKitModule);
  if (umbrellas.length < 2) return;
  const message = 'InfraKitModule is imported more than once; put all components into one forRoot';
  throw new InfraError('FAILED_PRECONDITION', message, { component: 'infra-kit' });
}

function makeShutdownDriver(stack: ResourceStack, logger: Logger, config: SettledConfig): ShutdownDriver {
  const { shutdown: settings } = config.own;
  return new ShutdownDriver({
    stack,
    logger: logger.namespace('shutdown'),
    settings,
    delayMs: config.readinessDelayMs,
  });
}

async function makeHealthPages(
  config: SettledConfig,
  loader: LazyModuleLoader,
  registry: HealthRegistry,
  reload: ReloadRegistry,
  shutdown: ShutdownDriver,
): Promise<HealthPages | null> {
  if (!config.healthOn) return null;
  registry.requireUp(config.own.health.critical);
  return new HealthPages({
    ...(await loadTerminus(loader)),
    registry,
    reload,
    shutdown,
    showDetails: config.showHealthDetails,
    service: config.identity.service,
  });
}

/** What other components ask of coord, by their own ports, where it is loaded: instance ids, locks, and how many instances there are. */
function portsOfCoord({ loads }: Source): (FactoryProvider & { readonly provide: InjectionToken })[] {
  const hasCoord = loads.some(({ component, name }) => component === 'coord' && name === undefined);
  if (!hasCoord) return [];
  const instanceIds = {
    provide: WorkerIdSource,
    inject: [CoordProvider],
    useFactory: (coord: CoordProvider): WorkerIdSource => coord.instanceIds,
  };
  const locks = {
    provide: OUTBOX_LOCKS,
    inject: [CoordProvider],
    useFactory: (coord: CoordProvider): OutboxLocks => coord,
  };
  const loaded = (wanted: string): boolean => loads.some(({ component }) => component === wanted);
  const ports = [instanceIds, ...(loaded('outbox') ? [locks] : [])];
  if (!loaded('ratelimit')) return ports;
  const instanceCount = {
    provide: INSTANCE_COUNT,
    inject: [CoordProvider, SettledConfig, ResourceStack, Logger],
    useFactory: (coord: CoordProvider, config: SettledConfig, stack: ResourceStack, logger: Logger) =>
      fleetSize({ coord, service: config.identity.service, stack, logger: logger.namespace('infra-kit') }),
  };
  return [...ports, instanceCount];
}

function assemble(source: Source, mode: Mode): DynamicModule {
  const controller = healthController();
  const ports = portsOfCoord(source);
  const messaging = messagingFrom(source.loads);
  return {
    module: InfraKitModule,
    global: true,
    imports: [
      KernelModule,
      ...source.imports,
      ...source.loads.map(({ component, name }) => COMPONENTS[component].module(name, source.loads)),
    ],
    controllers: [controller],
    providers: [
      { provide: HEALTH_CONTROLLER, useValue: controller },
      ...ports,
      ...messaging,
      ...providersOf(source, mode),
    ],
    exports: [
      OptionsSource,
      MetricsSource,
      SettledConfig,
      APP_IDENTITY,
      FORCED_TEST_SETTING,
      RequestHooks,
      ...ports.map(({ provide }) => provide),
      ...messaging.map(({ provide }) => provide),
    ],
  };
}

/**
 * The suite in one module. Only what is named is loaded; every provider is global.
 * Nothing is opened or demanded when `forRoot` is called: configuration is checked, whole, when the application is created.
 */
@Module({})
export class InfraKitModule implements NestModule {
  constructor(private readonly host: InfraKitHost) {}

  configure(_consumer: MiddlewareConsumer): void {
    this.host.beforeRoutes();
  }

  static forRoot(options: InfraKitOptions = {}): DynamicModule {
    return assemble(constantSource(options), 'normal');
  }

  /** The same components on memory drivers, a FakeClock under `Clock`, no health routes, an instant shutdown. */
  static forTest(options: InfraKitOptions = {}): DynamicModule {
    return assemble(constantSource(options), 'test');
  }

  /** `components` says what is loaded; the factory's result has exactly one key an entry, beside the umbrella's own. */
  static forRootAsync<
    const L extends readonly InfraKitEntry[],
    const D extends readonly InjectionEntry[] = [],
    R extends InfraKitResult<L> = InfraKitResult<L>,
  >(options: InfraKitAsyncOptions<L, D, R>): DynamicModule {
    return assemble(factorySource(options), 'normal');
  }
}
