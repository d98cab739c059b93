import type { Clock, InfraErrorCode } from '@infra-kit/kernel';
import type {
  CoordDriver,
  DriverCall,
  GrantedLease,
  KeyRange,
  RangeQuery,
  RangeResult,
  Txn,
  TxnResult,
  WatchListener,
} from '../coord-driver.js';
import { MemoryStoreError } from './memory-errors.js';
import { MemoryCoordStore } from './memory-store.js';

export interface MemoryCoordDriverOptions {
  readonly clock?: Clock | undefined;
  /** A store that several drivers share, which stays its maker's to close. Default: one of its own. */
  readonly store?: MemoryCoordStore | undefined;
}

/** One client of a memory store. Leases run on the clock given; history is bounded. */
export class MemoryCoordDriver implements CoordDriver {
  readonly kind = 'memory';
  readonly native = undefined;
  readonly state = 'up';
  readonly store: MemoryCoordStore;
  readonly #owns: boolean;
  readonly #watches = new Set<Disposable>();
  #closed = false;

  constructor({ clock, store }: MemoryCoordDriverOptions = {}) {
    this.store = store ?? new MemoryCoordStore({ clock });
    this.#owns = store === undefined;
  }

  async connect(): Promise<void> {
    this.#check();
  }

  onState(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  describe(): Readonly<Record<string, unknown>> {
    return this.store.describe();
  }

  codeOf(error: unknown): InfraErrorCode | undefined {
    return error instanceof MemoryStoreError ? error.code : undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#watches.clear();
    if (this.#owns) this.store.close();
  }

  async range(query: RangeQuery, call: DriverCall): Promise<RangeResult> {
    this.#check(call);
    return this.store.range(query);
  }

  async txn(txn: Txn, call: DriverCall): Promise<TxnResult> {
    this.#check(call);
    return this.store.txn(txn);
  }

  async grant(ttlMs: number, call: DriverCall): Promise<GrantedLease> {
    this.#check(call);
    return this.store.grant(ttlMs);
  }

  async keepAlive(lease: string, call: DriverCall): Promise<number> {
    this.#check(call);
    return this.store.keepAlive(lease);
  }

  async revoke(lease: string, call: DriverCall): Promise<void> {
    this.#check(call);
    this.store.revoke(lease);
  }

  async ping(call: DriverCall): Promise<void> {
    this.#check(call);
  }

  watch(range: KeyRange, fromRevision: bigint, listener: WatchListener): Disposable {
    if (this.#closed) return { [Symbol.dispose]: () => undefined };
    const inner = this.store.watch(range, fromRevision, listener);
    const watch = {
      [Symbol.dispose]: () => {
        this.#watches.delete(watch);
        inner[Symbol.dispose]();
      },
    };
    this.#watches.add(watch);
    return watch;
  }

  #check(call?: DriverCall): void {
    if (this.#closed) throw new MemoryStoreError('FAILED_PRECONDITION', 'the driver is closed');
    call?.signal.throwIfAborted();
  }
}
