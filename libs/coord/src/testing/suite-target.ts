import { randomBytes } from 'node:crypto';
import assert from 'node:assert/strict';
import type { InfraErrorCode } from '@infra-kit/kernel';
import type {
  CoordDriver,
  DriverCall,
  KeyRange,
  KeyValue,
  TxnOp,
  TxnResult,
  WatchSignal,
} from '../drivers/coord-driver.js';

/** The two functions of any test runner: jest, vitest, node:test. */
export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

export interface CoordSuiteTarget {
  readonly name: string;
  /** A driver on a store that the whole suite shares; the suite connects and closes it. */
  readonly open: () => CoordDriver | Promise<CoordDriver>;
  /** Compacts the store's history before `revision`. */
  readonly compact: (revision: bigint) => void | Promise<void>;
  /** Lets the store's time pass, where a test can; absent: the suite waits for the real one. */
  readonly passTime?: ((ms: number) => Promise<void>) | undefined;
  /** The shortest ttl the store grants, in milliseconds. Default 1,000. */
  readonly leastTtlMs?: number | undefined;
}

/** For calls made to the driver itself. */
export const ANY_TIME: DriverCall = { signal: new AbortController().signal };

/** What a test of the suite works with. */
export class Bench {
  readonly driver: CoordDriver;
  readonly target: CoordSuiteTarget;
  /** A prefix of its own. */
  readonly root = `/suite-${randomBytes(6).toString('hex')}`;
  readonly #watches: Disposable[] = [];

  constructor(driver: CoordDriver, target: CoordSuiteTarget) {
    this.driver = driver;
    this.target = target;
  }

  key(name: string): string {
    return `${this.root}/${name}`;
  }

  do(...success: readonly TxnOp[]): Promise<TxnResult> {
    return this.driver.txn({ success }, ANY_TIME);
  }

  /** Writes one key and answers the revision. */
  async put(name: string, value = name, lease?: string): Promise<bigint> {
    const { revision } = await this.do({ kind: 'put', key: this.key(name), value, lease });
    return revision;
  }

  async get(name: string): Promise<KeyValue | undefined> {
    const { kvs } = await this.driver.range({ key: this.key(name) }, ANY_TIME);
    return kvs[0];
  }

  /** Keeps what a watch tells. */
  watch(
    range: KeyRange,
    fromRevision: bigint,
  ): { readonly signals: WatchSignal[]; readonly watch: Disposable } {
    const signals: WatchSignal[] = [];
    const watch = this.driver.watch(range, fromRevision, (signal) => signals.push(signal));
    this.#watches.push(watch);
    return { signals, watch };
  }

  async rejects(code: InfraErrorCode, promise: Promise<unknown>): Promise<void> {
    await assert.rejects(promise, (error) => {
      assert.equal(this.driver.codeOf(error), code, String(error));
      return true;
    });
  }

  async end(): Promise<void> {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    await this.do({ kind: 'delete', prefix: this.root }).catch(() => undefined);
    await this.driver.close();
  }
}

export type SuiteTest = (bench: Bench) => Promise<void>;

/** The changes a watch has told, one line each: `4 put a=1`. Revisions count from `since`. */
export function changesIn(bench: Bench, signals: readonly WatchSignal[], since: bigint): string[] {
  return signals.flatMap((signal) => {
    if (signal.type !== 'changes') return [];
    const lines = signal.events.map((event) =>
      event.type === 'put'
        ? `put ${event.kv.key.slice(bench.root.length + 1)}=${event.kv.value}`
        : `delete ${event.key.slice(bench.root.length + 1)}`,
    );
    return [`${signal.revision - since} ${lines.join(', ')}`];
  });
}
