import type { EntityManager } from '@mikro-orm/sql';
import { InfraContext, withDeadline, type CallOptions, type Logger } from '@infra-kit/kernel';
import { closedError, dbError, invalidArgument, precondition, type DbPlace } from '../db.errors.js';
import type { TransactionOptions } from '../db.types.js';
import type { QueryLog } from '../orm/query-log.js';
import { bindSql, runSql, sqlTag } from '../sql/tagged-sql.js';
import { isDatabaseError } from '../transactions/callers-error.js';
import type { MovedSlots } from './moved-slots.js';
import { holdSlots, type SlotMovedError } from './owned-slots.js';
import type { ShardManagers } from './shard-managers.js';
import type { ShardMap } from './shard-map.js';
import { shardSchema } from './shard-schema.js';
import type { ShardTables } from './shard-tables.js';
import type { ShardHandle, ShardInfo, Shards, ShardsAllOptions } from './shards.js';
import type { SlotMover } from './slot-move.js';
import { SLOTS, slotOf, type ShardKey } from './slots.js';

const DEFAULT_CONCURRENCY = 4;

interface Parts {
  readonly place: DbPlace;
  readonly logger: Logger;
  readonly log: QueryLog;
  readonly map: ShardMap;
  readonly tables: ShardTables;
  readonly managers: ShardManagers;
  readonly moved: MovedSlots;
  readonly mover: SlotMover;
  readonly closed: () => boolean;
}

type Signal = AbortSignal | undefined;

export class DefaultShards implements Shards {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#parts.managers.all.length;
  }

  indexOf(table: string, key: ShardKey): number {
    this.#refuseClosed();
    this.#parts.tables.check(table);
    return this.indexOfKey(key);
  }

  /** Where a key of any table is now. */
  indexOfKey(key: ShardKey): number {
    return this.#parts.map.shardOf(this.slotOf(key));
  }

  slotOf(key: ShardKey): number {
    return slotOf(this.#parts.place, key);
  }

  of(key: ShardKey): ShardHandle {
    this.#refuseClosed();
    const { map, managers } = this.#parts;
    const slot = this.slotOf(key);
    const index = (): number => map.shardOf(slot);
    return {
      get index() {
        return index();
      },
      em: () => {
        this.#refuseClosed();
        return managers.ofContext(index());
      },
      transaction: (fn, options) => this.#transaction(slot, fn, options),
      sql: sqlTag((options, strings, values) => this.#sql(slot, options, strings, values)),
    };
  }

  async on<T>(index: number, fn: (em: EntityManager) => Promise<T>, options?: CallOptions): Promise<T> {
    this.#refuseClosed();
    this.#parts.managers.shard(index);
    return this.#limited('shards.on', options, (signal) =>
      this.#callers(() => fn(this.#parts.managers.fresh(index, signal))),
    );
  }

  async all<T>(
    fn: (em: EntityManager, index: number) => Promise<T>,
    options: ShardsAllOptions = {},
  ): Promise<T[]> {
    this.#refuseClosed();
    const { place, managers, logger } = this.#parts;
    const { concurrency = DEFAULT_CONCURRENCY, onError = 'fail', signal, timeoutMs } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw invalidArgument(place, `concurrency must be a whole number ≥ 1, got ${String(concurrency)}`);
    if (onError !== 'fail' && onError !== 'collect')
      throw invalidArgument(place, `onError must be 'fail' or 'collect', got ${JSON.stringify(onError)}`);
    return this.#limited('shards.all', { signal, timeoutMs }, async (limit) => {
      const waiting = managers.all.map(({ index }) => index);
      const answers: { index: number; value: T }[] = [];
      const errors: unknown[] = [];
      const worker = async (): Promise<void> => {
        for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
          const shard = index;
          try {
            const value = await this.#callers(() => fn(managers.fresh(shard, limit), shard));
            answers.push({ index: shard, value });
          } catch (error) {
            errors.push(error);
            if (onError === 'fail') waiting.length = 0;
            else logger.warn('a shard did not answer', { shard, err: error });
          }
        }
      };
      await Promise.all(Array.from({ length: Math.min(concurrency, waiting.length) }, worker));
      if (errors.length > 0 && (onError === 'fail' || answers.length === 0)) throw errors[0];
      return answers.sort((a, b) => a.index - b.index).map(({ value }) => value);
    });
  }

  async move(slot: number, toIndex: number, options?: CallOptions): Promise<void> {
    this.#refuseClosed();
    const { place, map, managers, mover } = this.#parts;
    if (!Number.isInteger(slot) || slot < 0 || slot >= SLOTS)
      throw invalidArgument(place, `slot must be 0 to ${SLOTS - 1}, got ${String(slot)}`);
    managers.shard(toIndex);
    await this.#limited('shards.move', options, (signal) => mover.move(slot, toIndex, signal));
    await map.refresh();
  }

  info(): ShardInfo[] {
    const { managers, map } = this.#parts;
    return managers.all.map(({ index, server }) => ({
      index,
      server: server.name,
      schema: shardSchema(index),
      slots: map.slotsOf(index),
    }));
  }

  async #transaction<T>(
    slot: number,
    fn: (em: EntityManager, signal: Signal) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.#refuseClosed();
    const { signal, timeoutMs, ...how } = options;
    return this.#limited('shards.transaction', { signal, timeoutMs }, (limit) => {
      const once = (): Promise<T> => this.#once(slot, fn, { ...how, signal: limit });
      if (this.#shardOf(slot).transactions.current() !== undefined) return once(); // the outermost starts again
      return this.#parts.moved.retried(once, {
        signal: limit,
        refuse: (moved) => this.#refuseStrangers(slot, moved),
      });
    });
  }

  #once<T>(
    slot: number,
    fn: (em: EntityManager, signal: Signal) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    const { place } = this.#parts;
    const { index, transactions } = this.#shardOf(slot);
    return transactions.run(async (em) => {
      if (options.readOnly === true)
        await em.execute(`set local search_path to "${shardSchema(index)}", public`, [], 'run');
      else await holdSlots(place, em, index, [slot]);
      return fn(em, options.signal);
    }, options);
  }

  /** A row whose key belongs to another shard will not belong here by waiting. */
  #refuseStrangers(slot: number, { slots }: SlotMovedError): void {
    const { place, map } = this.#parts;
    const here = map.shardOf(slot);
    const stranger = slots.find((other) => map.shardOf(other) !== here);
    if (stranger === undefined) return;
    throw precondition(
      place,
      `a row with a key of slot ${stranger} was written in a transaction of shard ${here}, which does not have it; one transaction writes the keys of one shard`,
    );
  }

  async #sql<T extends object>(
    slot: number,
    options: CallOptions | undefined,
    strings: TemplateStringsArray,
    values: readonly unknown[],
  ): Promise<T[]> {
    const { place, log } = this.#parts;
    const bound = bindSql(place, strings, values);
    const running = this.#shardOf(slot).transactions.current();
    const run = async (em: EntityManager, signal: Signal): Promise<T[]> => {
      try {
        return await runSql<T>(em, bound, log, signal);
      } catch (error) {
        throw dbError(place, error);
      }
    };
    if (running === undefined) return this.#transaction(slot, run, options);
    return this.#limited('shards.sql', options, (signal) => run(running.em, signal));
  }

  #shardOf(slot: number): ReturnType<ShardManagers['shard']> {
    return this.#parts.managers.shard(this.#parts.map.shardOf(slot));
  }

  #refuseClosed(): void {
    if (this.#parts.closed()) throw closedError(this.#parts.place);
  }

  /** Runs a function of the caller, whose own error comes out as it is. */
  async #callers<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw isDatabaseError(error) ? dbError(this.#parts.place, error) : error;
    }
  }

  async #limited<T>(
    operation: string,
    options: CallOptions | undefined,
    work: (signal: Signal) => Promise<T>,
  ): Promise<T> {
    const context = InfraContext.current();
    const free =
      options?.signal === undefined &&
      options?.timeoutMs === undefined &&
      context?.signal === undefined &&
      context?.deadlineMonotonic === undefined;
    return this.#callers(() =>
      free
        ? work(undefined)
        : withDeadline(options, Infinity, `${this.#parts.place.label}.${operation}`, work),
    );
  }
}

/** What `db.shards` is without a configuration for it. */
export function noShards(place: DbPlace): Shards {
  const refuse = (): never => {
    throw precondition(place, 'it is not sharded; set sharding');
  };
  return {
    count: 0,
    indexOf: refuse,
    slotOf: refuse,
    of: refuse,
    on: async () => refuse(),
    all: async () => refuse(),
    move: async () => refuse(),
    info: () => [],
  };
}
