import type { EntityManager } from '@mikro-orm/sql';
import { SLOTS } from './slots.js';

/** How old a route may be, in milliseconds: reads of a slot that has moved see its old rows for that long at most. */
export const ROUTE_AGE_MS = 1000;

/** Slot by slot the shard that has it, as read from the first server and kept for `ROUTE_AGE_MS`. */
export class ShardMap {
  readonly #routes = new Int16Array(SLOTS);
  readonly #read: () => EntityManager;
  #version = 0n;
  #refreshing: Promise<void> | undefined;

  constructor(read: () => EntityManager) {
    this.#read = read;
  }

  shardOf(slot: number): number {
    return this.#routes[slot] ?? 0;
  }

  slotsOf(shard: number): number {
    return this.#routes.filter((owner) => owner === shard).length;
  }

  /** Takes over what has moved since; calls at once share one query. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#load().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #load(): Promise<void> {
    const rows = await this.#read().execute<{ slot: number; shard: number; version: string }[]>(
      'select slot, shard, version from infra_shard_slots where version > ?',
      [this.#version],
    );
    for (const { slot, shard, version } of rows) {
      this.#routes[slot] = shard;
      if (BigInt(version) > this.#version) this.#version = BigInt(version);
    }
  }
}
