import type { EntityManager } from '@mikro-orm/sql';
import { SLOTS } from './slots.js';

/** How old a route may be, in milliseconds: reads of a slot that has moved see its old rows for that long at most. */
export const ROUTE_AGE_MS = 1000;

/** Slot by slot the shard that has it, as read from the first server and kept for `ROUTE_AGE_MS`. */
export class ShardMap {
  readonly #routes = new Int16Array(SLOTS);
  readonly #read: () => EntityManager;
  #refreshing: Promise<void> | undefined;

  constructor(read: () => EntityManager) {
    this.#read = read;
  }

  shardOf(slot: number): number {
    return this.#routes[slot] ?? 0;
  }

  slotsOf(shard: number): number[] {
    return [...this.#routes.keys()].filter((slot) => this.#routes[slot] === shard);
  }

  /** Takes over what has moved since; calls at once share one query. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#load().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /** All of them, in one row: what changed cannot be told by a number, since moves do not commit in order of one. */
  async #load(): Promise<void> {
    const [row] = await this.#read().execute<{ shards: string | null }[]>(
      "select string_agg(shard::text, ',' order by slot) as shards from infra_shard_slots",
    );
    row?.shards?.split(',').forEach((shard, slot) => (this.#routes[slot] = Number(shard)));
  }
}
