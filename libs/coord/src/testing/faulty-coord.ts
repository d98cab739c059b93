import { InfraError, type InfraErrorCode } from '@infra-kit/kernel';
import { faulty, type Faulty } from '@infra-kit/kernel/testing';
import type {
  CoordDriver,
  DriverCall,
  DriverState,
  GrantedLease,
  KeyRange,
  RangeQuery,
  RangeResult,
  Txn,
  TxnResult,
  WatchListener,
} from '../drivers/coord-driver.js';
import { CuttableWatch } from './cuttable-watch.js';

const CALLS = ['connect', 'range', 'txn', 'grant', 'keepAlive', 'revoke', 'ping'] as const;
type CallName = (typeof CALLS)[number];
type StateListener = (state: DriverState, reason: unknown) => void;

/** One client's way to the store, which a test can cut. */
class CuttableDriver implements CoordDriver {
  readonly #real: CoordDriver;
  readonly #watches = new Set<CuttableWatch>();
  readonly #listeners = new Set<StateListener>();
  #cut: 'no' | 'yes' | 'answers' = 'no';

  constructor(real: CoordDriver) {
    this.#real = real;
  }

  get kind(): string {
    return this.#real.kind;
  }
  get native(): unknown {
    return this.#real.native;
  }
  get state(): DriverState {
    return this.#cut === 'no' ? this.#real.state : 'down';
  }

  sever(what: 'yes' | 'answers'): void {
    this.#cut = what;
    const error = lost();
    for (const listener of this.#listeners) listener('down', error);
    if (what === 'yes') for (const watch of this.#watches) watch.cut(error);
  }

  restore(): void {
    if (this.#cut === 'no') return;
    this.#cut = 'no';
    for (const listener of this.#listeners) listener('up', undefined);
    for (const watch of this.#watches) watch.mend();
  }

  connect(): Promise<void> {
    return this.#through(() => this.#real.connect());
  }
  onState(listener: StateListener): Disposable {
    this.#listeners.add(listener);
    const inner = this.#real.onState(listener);
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
        inner[Symbol.dispose]();
      },
    };
  }
  describe(): Readonly<Record<string, unknown>> {
    return this.#real.describe();
  }
  codeOf(error: unknown): InfraErrorCode | undefined {
    return this.#real.codeOf(error);
  }
  async close(): Promise<void> {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    await this.#real.close();
  }
  range(query: RangeQuery, call: DriverCall): Promise<RangeResult> {
    return this.#through(() => this.#real.range(query, call));
  }
  txn(txn: Txn, call: DriverCall): Promise<TxnResult> {
    return this.#through(() => this.#real.txn(txn, call));
  }
  grant(ttlMs: number, call: DriverCall): Promise<GrantedLease> {
    return this.#through(() => this.#real.grant(ttlMs, call));
  }
  keepAlive(lease: string, call: DriverCall): Promise<number> {
    return this.#through(() => this.#real.keepAlive(lease, call));
  }
  revoke(lease: string, call: DriverCall): Promise<void> {
    return this.#through(() => this.#real.revoke(lease, call));
  }
  ping(call: DriverCall): Promise<void> {
    return this.#through(() => this.#real.ping(call));
  }
  watch(range: KeyRange, fromRevision: bigint, listener: WatchListener): Disposable {
    const watch = new CuttableWatch(this.#real, { range, fromRevision, listener }, () =>
      this.#watches.delete(watch),
    );
    this.#watches.add(watch);
    if (this.#cut === 'no') watch.mend();
    else queueMicrotask(() => watch.cut(lost()));
    return watch;
  }

  async #through<T>(call: () => Promise<T>): Promise<T> {
    if (this.#cut === 'yes') throw lost();
    const answer = await call();
    if (this.#cut !== 'no') throw lost();
    return answer;
  }
}

const lost = (): InfraError => new InfraError('UNAVAILABLE', 'the connection to the store is cut');

/** A driver whose connection a test can take away and give back. */
export interface FaultyCoord {
  readonly driver: CoordDriver;
  /** The connection is lost: calls reject UNAVAILABLE, watches are interrupted, the state is `down`. */
  cut(): void;
  /** Calls arrive and are carried out, but their answers are lost: they reject UNAVAILABLE. */
  loseAnswers(): void;
  /** The connection is back; watches go on where they were. */
  mend(): void;
  /** As `faulty` of the kernel's testing entry, on the calls alone. */
  fail(error: () => unknown, calls?: readonly CallName[]): void;
  hang(calls?: readonly CallName[]): void;
  delay(ms: number, calls?: readonly CallName[]): void;
  heal(): void;
  readonly calls: Faulty<CoordDriver>['calls'];
}

/** Puts faults around any coord driver. */
export function faultyCoord(real: CoordDriver): FaultyCoord {
  const faults = faulty(real);
  const driver = new CuttableDriver(faults.driver);
  return {
    driver,
    calls: faults.calls,
    cut: () => driver.sever('yes'),
    loseAnswers: () => driver.sever('answers'),
    mend: () => driver.restore(),
    fail: (error, calls = CALLS) => faults.fail(error, calls),
    hang: (calls = CALLS) => faults.hang(calls),
    delay: (ms, calls = CALLS) => faults.delay(ms, calls),
    heal: () => faults.heal(),
  };
}
