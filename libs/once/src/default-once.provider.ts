import { InfraContext, withDeadline, type CallOptions, type HealthReport } from '@infra-kit/kernel';
import type { OnceConfig } from './once.config.js';
import { closedError, precondition, shown, storeAway, tableMissing, type OncePlace } from './once.errors.js';
import {
  OnceProvider,
  type OnceAddress,
  type OnceCall,
  type OnceOptions,
  type OnceRecord,
  type OnceResult,
  type OnceStoreKind,
} from './once.provider.js';
import type { OnceReason } from './once.telemetry.js';
import type { CallChain } from './run/call-chain.js';
import type { OnceRuns } from './run/request.js';
import { RequestReader } from './run/request-reader.js';
import { isTableMissing } from './store/db-store.js';
import type { RecordStore } from './store/record-store.js';

/** One of the two places for keys: what runs there, and what is kept there. */
export interface OncePart {
  readonly runs: OnceRuns;
  readonly records: RecordStore;
  readonly count: (reason: OnceReason) => void;
}

export interface OnceEngine {
  readonly place: OncePlace;
  readonly service: string;
  readonly settings: () => OnceConfig;
  readonly chain: CallChain;
  readonly parts: { readonly [K in OnceStoreKind]?: OncePart | undefined };
  readonly health: (options: CallOptions | undefined) => Promise<HealthReport>;
  readonly close: () => Promise<void>;
  /** Those of this process that have not settled. */
  readonly running: Set<Promise<unknown>>;
}

export class DefaultOnceProvider extends OnceProvider {
  readonly #engine: OnceEngine;
  readonly #reader: RequestReader;
  #closed = false;

  constructor(engine: OnceEngine) {
    super();
    this.#engine = engine;
    this.#reader = new RequestReader(engine);
  }

  override get name(): string {
    return this.#engine.place.name;
  }

  override async execute<T>(
    key: string,
    fn: (call: OnceCall) => Promise<T>,
    options: OnceOptions = {},
  ): Promise<OnceResult<T>> {
    this.#refuseClosed();
    const request = this.#reader.read(key, fn, options);
    const { runs, count } = this.#part(options);
    const { chain, place } = this.#engine;
    if (chain.holds(request.stored)) {
      count(['refused', 'own_chain']);
      throw precondition(
        place,
        `key ${shown(key)} is being worked on by the very call that asks for it again; waiting would never end`,
      );
    }
    return this.#limited(options, (signal) => this.#tracked(runs.execute({ ...request, signal })));
  }

  override async do(
    key: string,
    fn: (call: OnceCall) => Promise<unknown>,
    options?: OnceOptions,
  ): Promise<boolean> {
    return !(await this.execute(key, fn, options)).replayed;
  }

  override async get(key: string, options: OnceAddress = {}): Promise<OnceRecord | undefined> {
    const stored = this.#reader.storedKey(key, options);
    return this.#asked('get', options, (records, limits) => records.read(stored, limits));
  }

  override async clear(key: string, options: OnceAddress = {}): Promise<boolean> {
    const stored = this.#reader.storedKey(key, options);
    return this.#asked('clear', options, (records, limits) => records.clear(stored, limits));
  }

  override async clearByPrefix(prefix: string, options: OnceAddress = {}): Promise<number> {
    const stored = this.#reader.storedPrefix(prefix, options);
    return this.#asked('clearByPrefix', options, (records, limits) => records.clearAll(stored, limits));
  }

  override async health(options?: CallOptions): Promise<HealthReport> {
    if (this.#closed) return { status: 'down', detail: { closed: true } };
    return this.#engine.health(options);
  }

  override async close(): Promise<void> {
    this.#closed = true;
    await this.#engine.close();
  }

  override current(): OnceCall | undefined {
    return this.#engine.chain.current;
  }

  get maxKeyLength(): number {
    return this.#engine.settings().maxKeyLength;
  }

  hasStore(store: OnceStoreKind): boolean {
    return this.#engine.parts[store] !== undefined;
  }

  /** A refusal made at an edge, before there was a key to ask for. */
  countBadKey(store: OnceStoreKind | undefined): void {
    this.#engine.parts[store ?? this.#engine.settings().store]?.count(['refused', 'bad_key']);
  }

  #part({ store }: OnceAddress): OncePart {
    const { parts, place, settings } = this.#engine;
    const wanted = store ?? settings().store;
    const part = parts[wanted];
    if (part !== undefined) return part;
    throw precondition(
      place,
      wanted === 'db'
        ? "store 'db' needs a database; add one (InfraKitModule.forRoot({ db: … }), createOnce(…, { db }))"
        : "store 'cache' needs a cache; add one (InfraKitModule.forRoot({ cache: … }), createOnce(…, { cache }))",
    );
  }

  /** The caller may go, and the run goes on: closing waits for it. */
  async #tracked<T>(running: Promise<T>): Promise<T> {
    const { running: all } = this.#engine;
    all.add(running);
    try {
      return await running;
    } finally {
      all.delete(running);
    }
  }

  /** Without limits of the caller no signal is made. */
  #limited<T>(options: CallOptions, fn: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    const context = InfraContext.current();
    const limited =
      options.signal !== undefined ||
      options.timeoutMs !== undefined ||
      context?.signal !== undefined ||
      InfraContext.remainingMs() < Infinity;
    if (!limited) return fn(undefined);
    return withDeadline(options, Infinity, `${this.#engine.place.label}.execute`, fn);
  }

  #asked<R>(
    operation: string,
    options: OnceAddress,
    ask: (records: RecordStore, limits: CallOptions) => Promise<R>,
  ): Promise<R> {
    this.#refuseClosed();
    const { records } = this.#part(options);
    const { place, settings } = this.#engine;
    const store = options.store ?? settings().store;
    return withDeadline(options, Infinity, `${place.label}.${operation}`, async (signal) => {
      try {
        return await ask(records, { signal });
      } catch (error) {
        if (isTableMissing(error)) throw tableMissing(place);
        if (signal.aborted || store === 'db') throw error;
        throw storeAway(place, `${operation} has no answer: the store was not reached`, error);
      }
    });
  }

  #refuseClosed(): void {
    if (this.#closed) throw closedError(this.#engine.place);
  }
}
