import { SystemClock, type Clock } from '@infra-kit/kernel';
import type {
  GrantedLease,
  KeyRange,
  KeyValue,
  OpResult,
  RangeQuery,
  RangeResult,
  Txn,
  TxnOp,
  TxnResult,
  WatchEvent,
  WatchListener,
} from '../coord-driver.js';
import { MemoryStoreError } from './memory-errors.js';
import { MemoryHistory } from './memory-history.js';
import { MemoryLeases } from './memory-leases.js';
import { checkTxn, holds, matching } from './memory-query.js';

export interface MemoryStoreOptions {
  readonly clock?: Clock | undefined;
  /** Revisions kept for watches; older ones are compacted. Default 10,000. */
  readonly maxHistory?: number | undefined;
}

const NOTHING: OpResult = { kvs: [], deleted: 0 };

/** One cluster in this process: several drivers may share it, as several clients share an etcd. */
export class MemoryCoordStore {
  readonly #kvs = new Map<string, KeyValue>();
  readonly #history: MemoryHistory;
  readonly #leases: MemoryLeases;
  #revision = 1n;

  constructor({ clock = new SystemClock(), maxHistory = 10_000 }: MemoryStoreOptions = {}) {
    this.#history = new MemoryHistory(maxHistory);
    this.#leases = new MemoryLeases(clock, (keys) =>
      this.#write([...keys].map((key) => ({ kind: 'delete', key }))),
    );
  }

  get revision(): bigint {
    return this.#revision;
  }

  /** For the health page. */
  describe(): Readonly<Record<string, number>> {
    return { keys: this.#kvs.size, leases: this.#leases.size, watches: this.#history.watches };
  }

  range(query: RangeQuery): RangeResult {
    this.#leases.expire();
    const all = matching(this.#kvs, query);
    return { kvs: all.slice(0, query.limit), count: all.length, revision: this.#revision };
  }

  txn(txn: Txn): TxnResult {
    this.#leases.expire();
    checkTxn(txn);
    const succeeded = (txn.compare ?? []).every((compare) => holds(this.#kvs, compare));
    const ops = (succeeded ? txn.success : txn.failure) ?? [];
    for (const op of ops) if (op.kind === 'put' && op.lease !== undefined) this.#leases.check(op.lease);
    const results = this.#write(ops);
    return { succeeded, revision: this.#revision, results };
  }

  grant(ttlMs: number): GrantedLease {
    this.#leases.expire();
    return this.#leases.grant(ttlMs);
  }

  keepAlive(lease: string): number {
    this.#leases.expire();
    return this.#leases.renew(lease);
  }

  revoke(lease: string): void {
    this.#leases.expire();
    this.#leases.revoke(lease);
  }

  watch(range: KeyRange, fromRevision: bigint, listener: WatchListener): Disposable {
    return this.#history.watch(range, fromRevision, listener);
  }

  /** Forgets what was before `revision`: watches that have not come so far end with `compacted`. */
  compact(revision: bigint): void {
    if (revision > this.#revision || revision <= this.#history.compactRevision)
      throw new MemoryStoreError('INVALID_ARGUMENT', `revision ${revision} cannot be compacted`);
    this.#history.compact(revision);
  }

  close(): void {
    this.#leases.close();
  }

  /** All ops at one revision, which is used up only when one of them changed something. */
  #write(ops: readonly TxnOp[]): OpResult[] {
    const revision = this.#revision + 1n;
    const events: WatchEvent[] = [];
    const results = ops.map((op) => this.#apply(op, revision, events));
    if (events.length > 0) {
      this.#revision = revision;
      this.#history.add({ revision, events });
    }
    return results;
  }

  #apply(op: TxnOp, revision: bigint, events: WatchEvent[]): OpResult {
    if (op.kind === 'get') return { kvs: matching(this.#kvs, op).slice(0, op.limit), deleted: 0 };
    if (op.kind === 'delete') {
      const gone = matching(this.#kvs, op);
      for (const { key } of gone) {
        this.#kvs.delete(key);
        this.#leases.bind(key, undefined);
        events.push({ type: 'delete', key });
      }
      return { kvs: [], deleted: gone.length };
    }
    const { key, value, lease } = op;
    const before = this.#kvs.get(key);
    const kv: KeyValue = {
      key,
      value,
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0n) + 1n,
      lease,
    };
    this.#kvs.set(key, kv);
    this.#leases.bind(key, lease);
    events.push({ type: 'put', kv });
    return NOTHING;
  }
}
