import type { EntityManager } from '@mikro-orm/sql';
import { InfraContext, type Clock, type ContextData } from '@infra-kit/kernel';
import { limitsOf } from '../context/ambient-managers.js';
import { dbError, invalidArgument, precondition, type DbPlace } from '../db.errors.js';
import type { TransactionOptions } from '../db.types.js';
import type { QueryLog } from '../orm/query-log.js';
import { bindSql, runSql } from '../sql/tagged-sql.js';
import { isDatabaseError } from '../transactions/callers-error.js';
import type { Transactions } from '../transactions/transactions.js';
import { holdSlots, SlotMovedError } from './owned-slots.js';
import type { ShardMap } from './shard-map.js';
import { shardSchema } from './shard-schema.js';
import type { ShardServer } from './shard-setup.js';
import type { ShardTables } from './shard-tables.js';
import type { ShardHandle, ShardInfo, Shards, ShardsAllOptions } from './shards.js';
import { clearSlot, inOrder, moveSlot, type Move, type MoveEnd } from './slot-move.js';
import { SLOTS, slotOf, type ShardKey } from './slots.js';

const MOVED_RETRIES = 200;
const MOVED_PAUSE_MS = 25;
const DEFAULT_CONCURRENCY = 4;

/** One shard: its server's ORM, and the transactions that are in its schema. */
export interface Shard {
  readonly index: number;
  readonly server: ShardServer;
  readonly transactions: Transactions;
}

interface Parts {
  readonly place: DbPlace;
  readonly clock: Clock;
  readonly log: QueryLog;
  readonly map: ShardMap;
  readonly tables: ShardTables;
  readonly shards: readonly Shard[];
  /** Where the routes are. */
  readonly routing: () => EntityManager;
}

export class DefaultShards implements Shards {
  readonly #parts: Parts;
  readonly #forks = new WeakMap<Readonly<ContextData>, Map<number, EntityManager>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#parts.shards.length;
  }

  indexOf(table: string, key: ShardKey): number {
    const { place, map, tables } = this.#parts;
    tables.check(table);
    return map.shardOf(slotOf(place, key));
  }

  of(key: ShardKey): ShardHandle {
    const { place, map } = this.#parts;
    const slot = slotOf(place, key);
    const index = (): number => map.shardOf(slot);
    return {
      get index() {
        return index();
      },
      em: () => this.manager(index()),
      transaction: (fn, options) => this.#transaction(slot, fn, options),
      sql: (strings, ...values) => this.#sql(slot, strings, values),
    };
  }

  async on<T>(index: number, fn: (em: EntityManager) => Promise<T>): Promise<T> {
    const em = this.#fresh(this.#shard(index));
    return callers(this.#parts.place, () => fn(em));
  }

  async all<T>(
    fn: (em: EntityManager, index: number) => Promise<T>,
    options: ShardsAllOptions = {},
  ): Promise<T[]> {
    const { concurrency = DEFAULT_CONCURRENCY, onError = 'fail' } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw invalidArgument(
        this.#parts.place,
        `concurrency must be a whole number ≥ 1, got ${String(concurrency)}`,
      );
    const waiting = this.#parts.shards.map((shard) => shard.index);
    const answers: { index: number; value: T }[] = [];
    const errors: unknown[] = [];
    const worker = async (): Promise<void> => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        try {
          const em = this.#fresh(this.#shard(index));
          answers.push({ index, value: await callers(this.#parts.place, () => fn(em, index)) });
        } catch (error) {
          errors.push(error);
          if (onError === 'fail') waiting.length = 0;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, waiting.length) }, worker));
    if (errors.length > 0 && (onError === 'fail' || answers.length === 0)) throw errors[0];
    return answers.sort((a, b) => a.index - b.index).map(({ value }) => value);
  }

  async move(slot: number, toIndex: number): Promise<void> {
    const { place, clock, map, tables, routing } = this.#parts;
    if (!Number.isInteger(slot) || slot < 0 || slot >= SLOTS)
      throw invalidArgument(place, `slot must be 0 to ${SLOTS - 1}, got ${String(slot)}`);
    this.#shard(toIndex);
    await map.refresh();
    const fromIndex = map.shardOf(slot);
    const end = (index: number): MoveEnd => ({ shard: index, em: () => this.#fresh(this.#shard(index)) });
    const metas = [...this.#shard(toIndex).server.opened.orm.getMetadata().getAll().values()];
    const move = {
      place,
      clock,
      slot,
      routing,
      from: end(fromIndex),
      to: end(toIndex),
      tables: inOrder(metas, (meta) => tables.keyOf(meta)),
    };
    await mapped(place, () => (fromIndex === toIndex ? this.#clearElsewhere(move) : moveSlot(move)));
    await map.refresh();
  }

  /** It is where it should be: what an earlier move could not clear any more goes now. */
  async #clearElsewhere(move: Move): Promise<void> {
    for (const { index } of this.#parts.shards) {
      if (index === move.to.shard) continue;
      const end = { shard: index, em: () => this.#fresh(this.#shard(index)) };
      const left = await end
        .em()
        .execute(`select 1 from "${shardSchema(index)}".infra_owned_slots where slot = ?`, [move.slot]);
      if (left.length > 0) await clearSlot(move, end);
    }
  }

  info(): ShardInfo[] {
    return this.#parts.shards.map(({ index, server }) => ({
      index,
      server: server.name,
      schema: shardSchema(index),
      slots: this.#parts.map.slotsOf(index),
    }));
  }

  /** The context's manager for a shard; inside the shard's transaction, the transaction's. */
  manager(index: number): EntityManager {
    const shard = this.#shard(index);
    const scope = shard.transactions.current();
    if (scope !== undefined) return scope.em;
    const context = InfraContext.current();
    if (context === undefined) return this.#fresh(shard);
    const forks = this.#forks.get(context) ?? new Map<number, EntityManager>();
    this.#forks.set(context, forks);
    const em = forks.get(index) ?? this.#fresh(shard);
    forks.set(index, em);
    return em;
  }

  /** The managers that the context has used, to be flushed with its own. */
  used(): readonly EntityManager[] {
    const context = InfraContext.current();
    return context === undefined ? [] : [...(this.#forks.get(context)?.values() ?? [])];
  }

  async #transaction<T>(
    slot: number,
    fn: (em: EntityManager) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const { place, clock, map } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      const shard = this.#shard(map.shardOf(slot));
      const hold = (em: EntityManager): Promise<void> =>
        options.readOnly === true ? Promise.resolve() : holdSlots(place, em, shard.index, [slot]);
      try {
        return await shard.transactions.run(async (em) => {
          await hold(em);
          return fn(em);
        }, options);
      } catch (error) {
        if (!(error instanceof SlotMovedError) || attempt >= MOVED_RETRIES) throw error;
        if (shard.transactions.current() !== undefined) throw error; // joined: the outermost starts again
      }
      await map.refresh();
      await clock.sleep(MOVED_PAUSE_MS, options.signal);
    }
  }

  async #sql<T extends object>(
    slot: number,
    strings: TemplateStringsArray,
    values: readonly unknown[],
  ): Promise<T[]> {
    const { place, map, log } = this.#parts;
    const bound = bindSql(place, strings, values);
    const index = map.shardOf(slot);
    const running = this.#shard(index).transactions.current();
    const run = async (em: EntityManager): Promise<T[]> => {
      await em.execute(`set local search_path to "${shardSchema(index)}", public`, [], 'run');
      return runSql<T>(em, bound, log, undefined);
    };
    return running === undefined ? this.#transaction(slot, run) : run(running.em);
  }

  #fresh({ index, server }: Shard): EntityManager {
    const signal = limitsOf(InfraContext.current());
    return server.opened.orm.em.fork({
      disableContextResolution: true,
      schema: shardSchema(index),
      ...(signal && { signal, inflightQueryAbortStrategy: 'cancel query' }),
    });
  }

  #shard(index: number): Shard {
    const shard = this.#parts.shards[index];
    if (shard !== undefined) return shard;
    throw invalidArgument(
      this.#parts.place,
      `there is no shard ${String(index)}; there are ${this.count}, numbered from 0`,
    );
  }
}

/** Runs a function of the caller, whose own error comes out as it is. */
async function callers<T>(place: DbPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isDatabaseError(error) ? dbError(place, error) : error;
  }
}

async function mapped<T>(place: DbPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw dbError(place, error);
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
    of: refuse,
    on: async () => refuse(),
    all: async () => refuse(),
    move: async () => refuse(),
    info: () => [],
  };
}
