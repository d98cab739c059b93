import type { Server } from 'node:http';
import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { CoordProvider } from '@infra-kit/coord';
import { Clock, InfraContext, Logger, ReloadRegistry, ResourceStack } from '@infra-kit/kernel';
import { SettledConfig } from '../config/settled-config.js';
import { reachableAddress } from './reachable-address.js';

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;

/** What the umbrella does with coord, where it is loaded: components follow its documents, and the service is registered. */
@Injectable()
export class Coordination {
  constructor(
    private readonly config: SettledConfig,
    private readonly modules: ModuleRef,
    private readonly reload: ReloadRegistry,
    private readonly stack: ResourceStack,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** From now on every component takes the documents at `/config/{env}/{service}/{component}`. */
  follow(): void {
    const coord = this.#coord();
    if (coord === undefined) return;
    const joined = this.reload.join(coord.config.source, this.config.identity);
    this.stack.push({
      name: 'configuration documents',
      phase: 'intake',
      close: () => joined[Symbol.dispose](),
    });
  }

  /** Registers the service when its server listens, under the port it really has; coord takes it out in `deregister`. */
  announce(server: Server): void {
    const coord = this.#coord();
    if (coord === undefined) return;
    const leaving = new AbortController();
    const onListening = (): void =>
      void InfraContext.detach(() => this.#register(coord, server, leaving.signal));
    server.once('listening', onListening);
    this.stack.push({
      name: 'service registration',
      phase: 'deregister',
      close: () => {
        server.removeListener('listening', onListening);
        leaving.abort();
      },
    });
  }

  /** A store that is away does not keep the service from serving: it is registered when the store is back. */
  async #register({ registry }: CoordProvider, server: Server, leaving: AbortSignal): Promise<void> {
    const { service, instance } = this.config.identity;
    const reachable = reachableAddress(server.address(), this.config.own.http.advertisedHost);
    if (reachable === undefined) return;
    const { address, port } = reachable;
    const logger = this.logger.namespace('infra-kit');
    for (let pauseMs = RETRY_FIRST_MS; !leaving.aborted; pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS)) {
      try {
        // two applications of one process differ in their port
        await registry.register({ service, id: `${instance}-${port}`, address }, { signal: leaving });
        logger.info('registered', { service, address });
        return;
      } catch (error) {
        if (!leaving.aborted)
          logger.warn('not registered yet, trying again', { service, address, err: error });
      }
      await this.clock.sleep(pauseMs, leaving).catch(() => undefined);
    }
  }

  #coord(): CoordProvider | undefined {
    const loaded = this.config.instances.some(
      ({ component, name }) => component === 'coord' && name === undefined,
    );
    return loaded ? this.modules.get(CoordProvider, { strict: false }) : undefined;
  }
}
