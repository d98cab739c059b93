import type { CallOptions } from '@infra-kit/kernel';
import type { PickStrategy } from './picker.js';
import type { ServiceInstance } from './service-instance.js';

export interface RegisterOptions extends CallOptions {
  /** How long the record outlives its process, in milliseconds; default 15,000, at least 1,000. */
  readonly ttlMs?: number | undefined;
}

export interface WatchServiceOptions {
  /** Ends the watch, without an error. */
  readonly signal?: AbortSignal | undefined;
}

export interface PickServiceOptions extends CallOptions {
  /** Default round-robin. */
  readonly strategy?: PickStrategy | undefined;
  /** What `consistent-hash` goes by: equal keys, equal instances. */
  readonly hashKey?: string | undefined;
  /** Instances of this zone are preferred; where there are none, all take part. */
  readonly zone?: string | undefined;
}

/**
 * An instance to call. `done()` (or the end of a `using` block) tells `least-pending` that the call is over, once; a
 * call whose end nobody tells counts for a minute. Neither shows when the instance is copied, compared or written as JSON.
 */
export interface PickedInstance extends ServiceInstance, Disposable {
  done(): void;
}

/** A registered instance; keeps itself registered until `unregister`. */
export interface Registration extends AsyncDisposable {
  /** As registered now. */
  readonly instance: ServiceInstance;
  /** Replaces the metadata, which watchers see at once. */
  update(metadata: Readonly<Record<string, string>>, options?: CallOptions): Promise<void>;
  /** Leaves at once. Idempotent. When it rejects, the record goes when its lease ends. */
  unregister(options?: CallOptions): Promise<void>;
}

/**
 * Who offers which service, and where.
 *
 * - An instance is a record under `{prefix}/registry/{service}/{id}`, bound to a lease of its own. A process that loses
 *   the lease (it was stopped, or cut off) registers again by itself, with jitter, within 2 s of noticing. The same id
 *   registered by another process takes the record over.
 * - Who is **believed to run**: the store's word, except after trouble with it. While it is away, the last known list
 *   stays; instances missing when it is back are gone only when still missing one largest ttl + 1 s later. An instance
 *   that unregisters is gone at once, always.
 * - One watch a service that was asked for, shared by `discover`, `watch` and `pick`, until the coord closes.
 * - In the phase `deregister` of a shutdown every instance of this process leaves.
 */
export abstract class ServiceRegistry {
  /** Resolves when the record is in the store. INVALID_ARGUMENT for an address without a port. */
  abstract register(instance: ServiceInstance, options?: RegisterOptions): Promise<Registration>;
  /** Asks the store; while it is away, the last known list where there is one. In the order of ids. */
  abstract discover(service: string, options?: CallOptions): Promise<ServiceInstance[]>;
  /** First the present list, then each new one; never the same twice in a row. A slow reader gets the newest. */
  abstract watch(service: string, options?: WatchServiceOptions): AsyncIterableIterator<ServiceInstance[]>;
  /** From what the watch has told: no call to the store but the first for a service. UNAVAILABLE: nobody takes calls. */
  abstract pick(service: string, options?: PickServiceOptions): Promise<PickedInstance>;
}
