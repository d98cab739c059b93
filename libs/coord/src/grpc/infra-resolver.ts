import { experimental, Metadata, status, type ServiceConfig } from '@grpc/grpc-js';
import { InfraError, messageOf } from '@infra-kit/kernel';
import type { ServiceInstance } from '../registry/service-instance.js';
import type { ServiceRegistry } from '../registry/service-registry.js';

type Endpoint = experimental.Endpoint;
type Target = experimental.GrpcUri;

const ROUND_ROBIN: ServiceConfig = { loadBalancingConfig: [{ round_robin: {} }], methodConfig: [] };
const RETRY_MS = 1000;
const SCHEME = /^[a-z][a-z0-9+.-]*$/;

export interface InfraResolverOptions {
  /** The scheme of targets; default `infra`. Two registries in one process need two. */
  readonly scheme?: string | undefined;
}

function endpointOf({ address }: ServiceInstance): Endpoint[] {
  const parts = experimental.splitHostPort(address);
  return parts?.port === undefined ? [] : [{ addresses: [{ host: parts.host, port: parts.port }] }];
}

/** Follows one service for one channel. */
class InfraResolver implements experimental.Resolver {
  readonly #registry: ServiceRegistry;
  readonly #service: string;
  readonly #listener: experimental.ResolverListener;
  #stop: AbortController | undefined;

  constructor(registry: ServiceRegistry, service: string, listener: experimental.ResolverListener) {
    this.#registry = registry;
    this.#service = service;
    this.#listener = listener;
  }

  updateResolution(): void {
    if (this.#stop !== undefined) return; // every change is told by itself
    this.#stop = new AbortController();
    void this.#follow(this.#stop.signal);
  }

  destroy(): void {
    this.#stop?.abort();
    this.#stop = undefined;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const instances of this.#registry.watch(this.#service, { signal }))
          if (!signal.aborted) this.#tell(instances);
        if (!signal.aborted) this.#fail('the registry is closed');
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#fail(messageOf(error));
      }
      await new Promise<void>((resolve) => setTimeout(resolve, RETRY_MS).unref());
    }
  }

  #tell(instances: readonly ServiceInstance[]): void {
    const endpoints = instances.filter(({ weight = 1 }) => weight > 0).flatMap((one) => endpointOf(one));
    if (endpoints.length === 0) return this.#fail('no instance takes calls');
    this.#listener(
      experimental.statusOrFromValue(endpoints),
      {},
      experimental.statusOrFromValue(ROUND_ROBIN),
      '',
    );
  }

  #fail(why: string): void {
    const details = `infra:///${this.#service}: ${why}`;
    const failure = { code: status.UNAVAILABLE, details, metadata: new Metadata() };
    this.#listener(experimental.statusOrFromError(failure), {}, null, details);
  }
}

/**
 * Makes `infra:///service` a target of @grpc/grpc-js: the instances that `registry` believes to run, in round robin,
 * changing while the channel is open; instances of weight 0 are left out, other weights do not count. No instance:
 * calls fail UNAVAILABLE, unless they wait for ready. Names of schemes belong to the process: registering one again
 * points new channels to the new registry.
 */
export function registerInfraResolver(registry: ServiceRegistry, options: InfraResolverOptions = {}): void {
  const { scheme = 'infra' } = options;
  if (!SCHEME.test(scheme))
    throw new InfraError(
      'INVALID_ARGUMENT',
      `coord: scheme must be one of a URL, got ${JSON.stringify(scheme)}`,
      {
        component: 'coord',
      },
    );
  class RegistryResolver extends InfraResolver {
    constructor({ path }: Target, listener: experimental.ResolverListener) {
      super(registry, path, listener);
    }

    static getDefaultAuthority({ path }: Target): string {
      return path;
    }
  }
  experimental.registerResolver(scheme, RegistryResolver);
}
