import { crc32 } from 'node:zlib';
import { invalidArgument, type DbPlace } from '../db.errors.js';

export type ShardKey = string | number | bigint;

/** Places that keys hash to; shards own slots, and a slot can move. */
export const SLOTS = 1024;

/**
 * The slot of a key: CRC-32 (ISO 3309) of its decimal or UTF-8 text, modulo 1,024. The same on every instance, platform
 * and release, and the same for 7, '7' and 7n. INVALID_ARGUMENT for what has no exact text.
 */
export function slotOf(place: DbPlace, key: unknown): number {
  return crc32(keyText(place, key)) % SLOTS;
}

function keyText(place: DbPlace, key: unknown): string {
  if (typeof key === 'string' && key !== '') return key;
  if (typeof key === 'bigint') return key.toString();
  if (typeof key === 'number' && Number.isSafeInteger(key)) return String(key === 0 ? 0 : key);
  throw invalidArgument(
    place,
    `a shard key must be a text, a safe integer or a bigint, got ${typeof key === 'number' ? String(key) : typeof key}`,
  );
}

/** Where the slots are before any has moved: even stretches, in order. */
export function firstShardOf(slot: number, shards: number): number {
  return Math.floor((slot * shards) / SLOTS);
}
