import {
  Inject,
  Module,
  Optional,
  type DynamicModule,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import {
  APP_IDENTITY,
  componentModule,
  componentModuleAsync,
  DEFAULT_INSTANCE,
  type AppIdentity,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import { createMetrics } from './create-metrics.js';
import type { MetricsOptions } from './metrics.config.js';
import { MetricsProvider } from './metrics.provider.js';
import { MetricsHttp } from './nest/metrics-http.js';

const definition: ComponentDefinition<MetricsOptions, MetricsProvider, { readonly identity?: AppIdentity }> =
  {
    component: 'metrics',
    token: MetricsProvider,
    create: (options, deps) => createMetrics(options, deps),
    forTest: (options) => ({
      ...options,
      traces: { ...options.traces, exporter: 'none' },
      metrics: { ...options.metrics, exporter: 'prometheus', port: undefined },
      logs: { exporter: 'none' },
    }),
    dependencies: { identity: { token: APP_IDENTITY, optional: true } },
  };

function withHttp(module: DynamicModule, { name }: Placement): DynamicModule {
  if (name !== undefined && name !== DEFAULT_INSTANCE) return module;
  return { ...module, providers: [...(module.providers ?? []), MetricsHttp] };
}

/** Provides a `MetricsProvider`; the default instance also measures and traces the application's HTTP server. */
@Module({})
export class MetricsModule implements NestModule {
  constructor(@Optional() @Inject(MetricsHttp) private readonly http: MetricsHttp | undefined) {}

  /** Called when everything has been made and before routes are. */
  configure(_consumer: MiddlewareConsumer): void {
    this.http?.beforeRoutes();
  }

  static forRoot(options: MetricsOptions & Placement = {}): DynamicModule {
    return withHttp(componentModule(MetricsModule, definition, options), options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOptions<MetricsOptions, I>,
  ): DynamicModule {
    return withHttp(componentModuleAsync(MetricsModule, definition, options), options);
  }
}
