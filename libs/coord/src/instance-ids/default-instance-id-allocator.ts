import { InfraContext, withDeadline } from '@infra-kit/kernel';
import { coordError, invalidArgument, shown } from '../coord.errors.js';
import type { KeyValue, TxnResult } from '../drivers/coord-driver.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { holderOf } from '../operations/holder.js';
import type { StoreLease, StoreLeases } from '../operations/store-leases.js';
import { HeldInstanceId, parseMark } from './held-instance-id.js';
import type { InstanceIdAllocator, InstanceIdOptions, WorkerIdLease } from './instance-id-allocator.js';

const DEFAULT_TTL_MS = 15_000;
const LEAST_TTL_MS = 2000;
/** A limit of good sense: all ids of a service are listed to find a free one. */
const LARGEST_MAX = 65_536;

interface IdRequest {
  /** Where the ids of the service stand, with a slash at its end. */
  readonly root: string;
  readonly service: string;
  readonly max: number;
  readonly ttlMs: number;
  readonly signal: AbortSignal;
}

/** So often the very lowest id is tried for; after that the crowd spreads, else each would try as often as it has members. */
const STRICT_TRIES = 16;

/** The ids of 1 … `max` that have no key, the `most` lowest. */
function lowestFree(
  root: string,
  kvs: readonly KeyValue[],
  { max, most }: { max: number; most: number },
): number[] {
  const taken = new Set(kvs.map(({ key }) => key.slice(root.length)));
  const free: number[] = [];
  for (let id = 1; id <= max && free.length < most; id++) if (!taken.has(`${id}`)) free.push(id);
  return free;
}

export class DefaultInstanceIdAllocator implements InstanceIdAllocator {
  readonly #engine: CoordEngine;
  readonly #leases: StoreLeases;

  constructor(engine: CoordEngine, leases: StoreLeases) {
    this.#engine = engine;
    this.#leases = leases;
  }

  async acquire(service: string, max: number, options: InstanceIdOptions = {}): Promise<WorkerIdLease> {
    const { runner, keys, place } = this.#engine;
    runner.checkOpen();
    const root = `${keys.root('ids')}/${keys.segment(service, 'service')}/`;
    if (!(Number.isInteger(max) && max >= 1 && max <= LARGEST_MAX))
      throw invalidArgument(place, `max must be a whole number, 1 to ${LARGEST_MAX}, got ${shown(max)}`);
    const { ttlMs = DEFAULT_TTL_MS } = options;
    if (!(typeof ttlMs === 'number' && ttlMs >= LEAST_TTL_MS && ttlMs < 2 ** 31))
      throw invalidArgument(place, `ttlMs must be milliseconds ≥ ${LEAST_TTL_MS}, got ${shown(ttlMs)}`);
    let acquiring: Promise<WorkerIdLease> | undefined;
    try {
      return await withDeadline(options, Infinity, `${place.label}.instanceIds.acquire`, (signal) => {
        acquiring = InfraContext.detach(() => this.#acquire({ root, service, max, ttlMs, signal }));
        return acquiring;
      });
    } catch (error) {
      // nobody would hold what is had now
      acquiring?.then((lease) => lease.release()).catch(() => undefined);
      throw error;
    }
  }

  async #acquire(request: IdRequest): Promise<WorkerIdLease> {
    const { runner, driver } = this.#engine;
    const { root: prefix, signal } = request;
    const { kvs } = await runner.run('range', { signal }, (call) =>
      driver.range({ prefix, keysOnly: true }, call),
    );
    const first = this.#free(request, kvs, 0);
    const what = `instance id of ${shown(request.service)}`;
    const lease = await this.#leases.grant({ kind: 'instance-id', what, ttlMs: request.ttlMs });
    try {
      return await this.#take(request, first, lease);
    } catch (error) {
      // the store frees what it could not be told of
      await lease.end().catch(() => undefined);
      throw error;
    }
  }

  async #take(request: IdRequest, first: number, lease: StoreLease): Promise<WorkerIdLease> {
    const { root, service, signal } = request;
    let id = first;
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      const key = `${root}${id}`;
      const markKey = `${key}/mark`;
      const { succeeded, revision: token, results } = await this.#tryTake(root, key, markKey, lease);
      if (!succeeded) {
        id = this.#free(request, results[0]?.kvs ?? [], tries);
        continue;
      }
      if (lease.held.lost) throw lease.held.signal.reason;
      const found = results[1]?.kvs[0];
      const mark = found && {
        ms: parseMark(this.#engine, markKey, found.value),
        revision: found.modRevision,
      };
      const what = `instance id ${id} of ${shown(service)}`;
      return new HeldInstanceId(this.#engine, { id, what, key, markKey, token, lease, mark });
    }
  }

  #tryTake(prefix: string, key: string, markKey: string, lease: StoreLease): Promise<TxnResult> {
    const { runner, driver } = this.#engine;
    const txn = {
      compare: [{ key, target: 'create', is: '=', to: 0n }],
      success: [
        { kind: 'put', key, value: holderOf(this.#engine), lease: lease.id },
        { kind: 'get', key: markKey },
      ],
      failure: [{ kind: 'get', prefix, keysOnly: true }],
    } as const;
    return runner.run('txn', undefined, (call) => driver.txn(txn, call));
  }

  #free({ root, service, max }: IdRequest, kvs: readonly KeyValue[], tries: number): number {
    const free = lowestFree(root, kvs, { max, most: 2 ** Math.max(0, tries - STRICT_TRIES) });
    const id = free[Math.floor(Math.random() * free.length)];
    if (id !== undefined) return id;
    throw coordError(
      this.#engine.place,
      'RESOURCE_EXHAUSTED',
      `no instance id of ${shown(service)} is free, all of 1 to ${max} are held; raise the maximum or run fewer instances`,
      { retryable: false },
    );
  }
}
