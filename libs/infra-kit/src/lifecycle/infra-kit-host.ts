import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { mapToExcludeRoute } from '@nestjs/core/middleware/utils.js';
import { ConfigError, HealthRegistry, InfraExceptionFilter, Logger, ResourceStack } from '@infra-kit/kernel';
import { grpcServerHook } from '@infra-kit/metrics';
import { SettledConfig } from '../config/settled-config.js';
import { healthPaths } from '../health/health.controller.js';
import { contextHook } from '../http/context-hook.js';
import { installGatewayFilters } from '../http/gateway-filter.js';
import { answerUnknownPaths, installFilterLast } from '../http/problem-json.js';
import { RequestHooks } from '../http/request-hooks.js';
import { RpcDrain } from '../rpc/rpc-drain.js';
import { RpcServers } from '../rpc/rpc-servers.js';
import { Coordination } from './coordination.js';
import { ShutdownDriver } from './shutdown-driver.js';
import { StartReport } from './start-report.js';

export const HEALTH_CONTROLLER = Symbol('infra-kit:health-controller');

/** Where Nest keeps the path of a controller. */
const PATH_METADATA = 'path';

/** Joins the suite to one Nest application: filter, health routes, request context, shutdown. */
@Injectable()
export class InfraKitHost
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(
    private readonly modules: ModulesContainer,
    private readonly nest: ApplicationConfig,
    private readonly adapterHost: HttpAdapterHost,
    private readonly config: SettledConfig,
    private readonly hooks: RequestHooks,
    private readonly shutdown: ShutdownDriver,
    private readonly stack: ResourceStack,
    private readonly logger: Logger,
    private readonly coordination: Coordination,
    private readonly report: StartReport,
    private readonly health: HealthRegistry,
    @Inject(HEALTH_CONTROLLER) private readonly healthController: Type<object>,
  ) {
    const { problemJson } = config.own.http;
    installFilterLast(
      nest,
      new InfraExceptionFilter({ host: adapterHost, logger: logger.namespace('http'), problemJson }),
    );
    installGatewayFilters(modules);
    hooks.add(contextHook(config.own.http));
    this.#joinMicroservices();
    this.#placeModule();
  }

  /** Before routes are made: the health routes stand outside the global prefix. */
  beforeRoutes(): void {
    if (!this.config.healthOn) return;
    const options = this.nest.getGlobalPrefixOptions();
    const exclude = [
      ...(options.exclude ?? []),
      ...mapToExcludeRoute(healthPaths(this.config.own.health.path)),
    ];
    this.nest.setGlobalPrefixOptions({ ...options, exclude });
  }

  onModuleInit(): void {
    this.coordination.follow();
    const adapter = this.adapterHost.httpAdapter;
    if (!adapter) return;
    this.hooks.install(adapter);
    this.shutdown.attach(adapter);
    this.coordination.announce(adapter.getHttpServer());
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.adapterHost.httpAdapter && this.config.own.http.problemJson === 'all')
      answerUnknownPaths(this.adapterHost.httpAdapter);
    this.#checkCriticalNames();
    await this.report.print();
    if (this.config.identity.env === 'test') return;
    this.shutdown.watchSignals();
    // who enables shutdown hooks behind init does it in this turn
    setImmediate(() => this.shutdown.checkSignals());
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.shutdown.begin();
  }

  async onApplicationShutdown(): Promise<void> {
    this.shutdown.finish(await this.stack.close());
  }

  /** Handlers of gRPC and other transports get what requests get: context, telemetry, an end that waits for them. */
  #joinMicroservices(): void {
    const servers = new RpcServers({
      modules: this.modules,
      config: this.nest,
      logger: this.logger.namespace('infra-kit'),
      beforeClose: () => this.shutdown.begin(),
    });
    const drain = new RpcDrain(servers, this.stack, this.config.own.shutdown.drainMs);
    const { traceHeader, trustDeadlineHeader } = this.config.own.http;
    this.nest.registerPreRequestHook(drain.hook, grpcServerHook({ traceHeader, trustDeadlineHeader }));
  }

  /** A name that nobody registered would never fail readiness. */
  #checkCriticalNames(): void {
    const { names } = this.health;
    const unknown = this.config.own.health.critical.filter((name) => !names.includes(name));
    if (!this.config.healthOn || unknown.length === 0) return;
    throw new ConfigError('infra-kit', [
      `health.critical: there is no '${unknown.join("', '")}'; there are ${names.join(', ') || 'none'}`,
    ]);
  }

  /** Last in shutdown, first in init, whatever the order of imports; and the health routes where the configuration wants them. */
  #placeModule(): void {
    for (const module of this.modules.values()) {
      if (!module.controllers.has(this.healthController)) continue;
      module.distance = Infinity;
      if (this.config.healthOn)
        Reflect.defineMetadata(PATH_METADATA, this.config.own.health.path, this.healthController);
      else module.controllers.delete(this.healthController);
    }
  }
}
