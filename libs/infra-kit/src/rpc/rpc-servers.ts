import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import type { Logger } from '@infra-kit/kernel';

/** What the umbrella needs of a server of @nestjs/microservices, whatever its transport: the package is not a dependency. */
export interface RpcServer {
  addHandler(pattern: unknown, callback: unknown, ...rest: unknown[]): unknown;
  close(): unknown;
}

export interface RpcServersDeps {
  readonly modules: ModulesContainer;
  readonly config: ApplicationConfig;
  readonly logger: Logger;
  /** Runs before a server closes, in whatever order Nest closes it. */
  readonly beforeClose: () => Promise<void>;
}

/** How Nest names handlers that it builds a call, of request-scoped controllers: their configuration shows later. */
const BUILT_LATER = 'requestScopedHandler';

/**
 * The servers of microservices that the application has: its own, or those connected to it. One connected without
 * `inheritAppConfig` sees nothing that is global, and so nothing of the suite: it is told about, once.
 */
export class RpcServers {
  readonly #deps: RpcServersDeps;
  readonly #servers = new Set<RpcServer>();
  /** Set when Nest builds a handler by the application's configuration. */
  #configAsked = false;

  /** Must be made before microservices are connected: in a provider's constructor. */
  constructor(deps: RpcServersDeps) {
    this.#deps = deps;
    const { config, modules } = deps;
    const hooks = config.getGlobalPreRequestHooks.bind(config);
    config.getGlobalPreRequestHooks = () => {
      this.#configAsked = true;
      return hooks();
    };
    modules.getRpcTargetRegistry<RpcServer>().subscribe((server) => this.#watch(server));
  }

  get all(): readonly RpcServer[] {
    return [...this.#servers];
  }

  #watch(server: RpcServer): void {
    this.#servers.add(server);
    const close = server.close.bind(server);
    server.close = async () => {
      await this.#deps.beforeClose();
      await close();
    };
    const addHandler = server.addHandler.bind(server);
    let told = false;
    this.#configAsked = false;
    server.addHandler = (pattern, callback, ...rest) => {
      const judged = typeof callback !== 'function' || callback.name !== BUILT_LATER;
      if (judged && !this.#configAsked && !told) {
        told = true;
        this.#warn(pattern);
      }
      this.#configAsked = false;
      return addHandler(pattern, callback, ...rest);
    };
  }

  #warn(pattern: unknown): void {
    this.#deps.logger.warn(
      'a microservice is connected without { inheritAppConfig: true }: its handlers have no request context, no trace, and none of the global filters, guards and interceptors; call app.connectMicroservice(options, { inheritAppConfig: true })',
      { firstPattern: pattern },
    );
  }
}
