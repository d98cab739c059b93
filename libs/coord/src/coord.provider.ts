import type { CallOptions, ComponentProvider, HealthReport } from '@infra-kit/kernel';
import type { Elections } from './elections/elections.js';
import type { InstanceIdAllocator } from './instance-ids/instance-id-allocator.js';
import type { CoordLocks } from './locks/coord-locks.js';
import type { ConfigCenter } from './configuration/config-center.js';
import type { ServiceRegistry } from './registry/service-registry.js';

/**
 * Coordination between the processes of a system: type, injection token and documentation of the component.
 *
 * - **Keys** are paths: one leading slash is implied (`a/b` is `/a/b`), and they stand under the configured prefix.
 * - **Errors**: INVALID_ARGUMENT for a bad argument, naming it, with nothing done. With the store dead UNAVAILABLE, with
 *   the store hung DEADLINE_EXCEEDED, both within `requestTimeoutMs`. FAILED_PRECONDITION after `close`.
 * - **Limits**: each call to the store ends by the nearest of its own `timeoutMs`, the ambient deadline and
 *   `requestTimeoutMs`; what waits by nature (a lock, a watch) is limited by its own options and signals alone.
 * - **Concurrency**: every call may be made at any time.
 */
export abstract class CoordProvider implements ComponentProvider {
  /** 'default' or the instance's name. */
  abstract readonly name: string;
  /** The client underneath: an `Etcd3` of the etcd3 package; undefined in memory. */
  abstract readonly native: unknown;
  abstract readonly locks: CoordLocks;
  abstract readonly elections: Elections;
  abstract readonly instanceIds: InstanceIdAllocator;
  abstract readonly registry: ServiceRegistry;
  abstract readonly config: ConfigCenter;

  /** Resolves when the store answers. */
  abstract ping(options?: CallOptions): Promise<void>;
  /** Never throws; limited to 2 s. */
  abstract health(options?: CallOptions): Promise<HealthReport>;
  /** Leaves the registry, gives leases back, then disconnects. Idempotent. A driver object that was passed in stays open. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
