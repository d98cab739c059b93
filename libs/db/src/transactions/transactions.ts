import type { EntityManager } from '@mikro-orm/sql';
import { InfraContext, withDeadline, type Clock, type Logger } from '@infra-kit/kernel';
import {
  dbError,
  invalidArgument,
  isLostOnItsWay,
  isSerializationFailure,
  precondition,
  sqlStateOf,
  unimplemented,
  type DbPlace,
} from '../db.errors.js';
import type { TransactionOptions } from '../db.types.js';
import { leased } from '../orm/overdue.js';
import type { RecentWrites } from '../orm/recent-writes.js';
import type { Replicas } from '../orm/replicas.js';
import { retriesCounter, transactionsCounter } from '../db.telemetry.js';
import { callersWork, CallersError } from './callers-error.js';
import { refuseRuined } from './ruined.js';
import {
  abortable,
  checkTransactionOptions,
  DEFAULT_RETRIES,
  isUnlimited,
  ormIsolation,
  setModes,
} from './transaction-options.js';
import { TransactionScope, type Effect, type LastWrite, type ScopeStore } from './transaction-scope.js';

/** Base of the pause before a retry; doubled each time, and drawn at random below it. */
const RETRY_BASE_MS = 10;
const RETRY_MOST_MS = 1000;

interface Parts {
  readonly place: DbPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether transactions may run beside each other. */
  readonly concurrent: boolean;
  /** A manager that no one else has, on the server that the transaction is for. */
  readonly manager: () => EntityManager;
  /** Where transactions that only read may go instead. */
  readonly replicas?: Replicas | undefined;
  /** Told of each transaction that may have written, when it has committed. */
  readonly writes?: RecentWrites | undefined;
  /** The running transactions of all servers and shards of this database. */
  readonly scopes: ScopeStore;
  /** Where these transactions are: those of another place are not joined. */
  readonly home: string;
}

interface Done<T> {
  readonly value: T;
  readonly scope: TransactionScope;
}

type Work<T> = (em: EntityManager) => Promise<T>;

/** Transactions of one server: joined, nested or their own, retried, and with effects after the commit. */
export class Transactions {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Milliseconds since the oldest running transaction began; undefined when none runs. */
  oldestMs(): number | undefined {
    const starts = [...this.#parts.scopes.running].map(({ startedAt }) => startedAt);
    return starts.length === 0 ? undefined : this.#parts.clock.monotonic() - Math.min(...starts);
  }

  /** The running transaction that a call would join. */
  current(): TransactionScope | undefined {
    const scope = this.#parts.scopes.current();
    return scope?.home === this.#parts.home ? scope : undefined;
  }

  afterCommit(effect: Effect): void {
    const { place } = this.#parts;
    if (typeof effect !== 'function') throw invalidArgument(place, 'afterCommit needs a function');
    const scope = this.#parts.scopes.current();
    if (scope === undefined)
      throw precondition(place, 'afterCommit belongs inside a transaction; there is none here');
    scope.effects.push(effect);
  }

  beforeCommit<T>(write: LastWrite<T>, item: T): void {
    const { place } = this.#parts;
    if (typeof write !== 'function') throw invalidArgument(place, 'beforeCommit needs a function');
    const scope = this.current();
    if (scope === undefined || scope.readOnly)
      throw precondition(place, 'beforeCommit belongs inside a transaction of the primary that may write');
    scope.gather(write, [item]);
  }

  async run<T>(work: Work<T>, options: TransactionOptions = {}): Promise<T> {
    const { place } = this.#parts;
    if (typeof work !== 'function') throw invalidArgument(place, 'transaction needs a function');
    checkTransactionOptions(place, options);
    const outer = this.current();
    const propagation = options.propagation ?? 'required';
    try {
      if (!this.#parts.concurrent && outer === undefined && this.#parts.scopes.current() !== undefined)
        throw unimplemented(place, 'PGlite has one transaction at a time, also over its shards');
      if (outer === undefined) return await this.#begin(work, options);
      if (propagation === 'required') return await this.#join(outer, work, options);
      if (propagation === 'nested') return await this.#nest(outer, work, options);
      if (!this.#parts.concurrent)
        throw unimplemented(
          place,
          "PGlite has one transaction at a time, so there is no 'requires-new' in another",
        );
      return await this.#begin(work, options);
    } catch (error) {
      throw error instanceof CallersError ? error.thrown : dbError(place, error);
    }
  }

  async #join<T>(outer: TransactionScope, work: Work<T>, options: TransactionOptions): Promise<T> {
    const { isolation, readOnly } = options;
    const other =
      isolation !== undefined && isolation !== outer.isolation
        ? `isolation ${isolation}`
        : outer.readOnly && readOnly === false
          ? 'writing'
          : undefined;
    if (other !== undefined)
      throw precondition(
        this.#parts.place,
        `it joins a transaction that was begun otherwise and cannot have ${other}; use propagation: 'requires-new'`,
      );
    try {
      return await this.#limited(options, () => callersWork(() => work(outer.em)));
    } catch (error) {
      outer.doom ??= { error: error instanceof CallersError ? error.thrown : error };
      throw error;
    }
  }

  #nest<T>(outer: TransactionScope, work: Work<T>, options: TransactionOptions): Promise<T> {
    return outer.inTurn(() =>
      this.#limited(options, async (signal) => {
        const done = await outer.em.transactional((em) => this.#inScope(outer.inner(em), work, signal), {
          propagation: 'nested',
          clear: true,
          ...abortable(signal),
        });
        outer.adopt(done.scope);
        return done.value;
      }),
    );
  }

  /** A transaction of its own, run again while others make it fail. Effects run outside of the limit: it has happened. */
  async #begin<T>(work: Work<T>, options: TransactionOptions): Promise<T> {
    const done = await this.#limited(options, (signal) => this.#retried(work, options, signal));
    for (const effect of done.scope.effects) await this.#settle(effect);
    return done.value;
  }

  async #retried<T>(
    work: Work<T>,
    options: TransactionOptions,
    signal: AbortSignal | undefined,
  ): Promise<Done<T>> {
    const { place, clock } = this.#parts;
    const retries = options.retries ?? DEFAULT_RETRIES;
    const onReplica = options.readOnly === true ? await this.#onReplica(work, options, signal) : undefined;
    if (onReplica !== undefined) return onReplica;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(this.#parts.manager(), work, options, signal);
      } catch (error) {
        if (attempt >= retries || !isSerializationFailure(error)) throw error;
      }
      retriesCounter.add(1, { 'infra.instance': place.name });
      const most = Math.min(RETRY_MOST_MS, RETRY_BASE_MS * 2 ** attempt);
      await clock.sleep(Math.random() * most, signal);
    }
  }

  /** Undefined when the primary is to do it. A replica that goes away in the middle has only read: it starts anew. */
  async #onReplica<T>(
    work: Work<T>,
    options: TransactionOptions,
    signal: AbortSignal | undefined,
  ): Promise<Done<T> | undefined> {
    const { replicas } = this.#parts;
    // a hot standby refuses serializable ones
    const replica = options.isolation === 'serializable' ? undefined : replicas?.pick();
    if (replicas === undefined || replica === undefined) return undefined;
    try {
      const done = await this.#attempt(replica.manager(), work, options, signal);
      replicas.answered(replica);
      return done;
    } catch (error) {
      // a conflict with what the replica replays is over when the primary reads
      if (signal?.aborted !== true && !(error instanceof CallersError))
        if (replicas.failed(replica, error) || isSerializationFailure(error)) return undefined;
      throw error;
    }
  }

  async #attempt<T>(
    manager: EntityManager,
    work: Work<T>,
    options: TransactionOptions,
    signal: AbortSignal | undefined,
  ): Promise<Done<T>> {
    const { place, clock, home, concurrent, writes, scopes } = this.#parts;
    const { isolation, readOnly = false } = options;
    const isolationLevel = ormIsolation(isolation);
    let committing = false;
    const ended = (outcome: string): void =>
      transactionsCounter.add(1, { 'infra.instance': place.name, outcome });
    try {
      const begun = async (em: EntityManager): Promise<Done<T>> => {
        const scope = new TransactionScope({ em, home, startedAt: clock.monotonic(), isolation, readOnly });
        scopes.running.add(scope);
        try {
          if (!concurrent) await setModes(em, options);
          const result = await this.#inScope(scope, work, signal, () => scope.writeLast());
          await refuseRuined(place, em);
          em.flush = written; // MikroORM would look for changes again
          committing = true;
          return result;
        } finally {
          scopes.running.delete(scope);
        }
      };
      const how = { clear: true, readOnly, ...(isolationLevel && { isolationLevel }), ...abortable(signal) };
      const done = await leased(signal, () => manager.transactional(begun, how));
      ended('committed');
      if (!readOnly) writes?.note();
      return done;
    } catch (error) {
      const unknown = committing && isLostOnItsWay(error) && !sqlStateOf(error)?.startsWith('40');
      ended(unknown ? 'unknown' : 'rolled_back');
      throw unknown ? dbError(place, error, { outcome: 'unknown' }) : error;
    }
  }

  /** Runs the work and writes what it changed; refuses to go on to the commit when it is doomed or out of time. */
  async #inScope<T>(
    scope: TransactionScope,
    work: Work<T>,
    signal: AbortSignal | undefined,
    last?: () => Promise<void>,
  ): Promise<Done<T>> {
    return this.#parts.scopes.run(scope, async () => {
      try {
        signal?.throwIfAborted(); // it may have waited long for its connection
        const value = await callersWork(() => work(scope.em));
        if (scope.doom !== undefined)
          throw precondition(
            this.#parts.place,
            "a call inside the transaction failed and its error was swallowed, so nothing is committed; let it through, or use propagation: 'nested'",
            scope.doom.error,
          );
        await scope.em.flush();
        if (last !== undefined) await callersWork(last);
        signal?.throwIfAborted();
        return { value, scope };
      } finally {
        scope.ended = true;
      }
    });
  }

  /** Without any limit no signal is made: queries are cheaper without one. */
  #limited<T>(options: TransactionOptions, fn: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    const { signal, timeoutMs } = options;
    const ambient = InfraContext.current();
    const unlimited = signal === undefined && timeoutMs === undefined && isUnlimited(ambient);
    if (unlimited) return fn(undefined);
    return withDeadline(options, Infinity, `${this.#parts.place.label}.transaction`, fn);
  }

  async #settle(effect: Effect): Promise<void> {
    try {
      await effect();
    } catch (error) {
      this.#parts.logger.error('an effect after the commit failed', { err: error });
    }
  }
}

const written = (): Promise<void> => Promise.resolve();
