import { randomBytes } from 'node:crypto';
import type { CallOptions } from '@infra-kit/kernel';
import { unimplemented, type CachePlace } from '../cache.errors.js';
import type { CacheDriver, DriverCall } from '../drivers/cache-driver.js';
import { defineScript } from '../scripts/atomic-script.js';
import type { CallRunner } from './call-runner.js';
import { keyAbout, type KeySpace } from './key-space.js';
import type { EntryMeta } from './stored-entry.js';

/** A tag's version outlives the entries that carry it by this much; else they would be misses a moment too early. */
const MARGIN_MS = 60_000;
/** How long a version is kept for entries that never expire: from the last one that was written with it. */
const KEEP_MS = 30 * 86_400_000;

/** ARGV: version if there is none, ttl. Replies the version, which lives for at least the ttl. */
export const ensureTag = defineScript<string>({
  name: 'tag-ensure',
  lua: `
local version = redis.call('GET', KEYS[1])
if not version then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return version`,
  twin: (view, [key = ''], [fresh = '', ttl]) => {
    const ttlMs = Number(ttl);
    const version = view.get(key);
    if (version === undefined) {
      view.set(key, fresh, { ttlMs });
      return fresh;
    }
    if ((view.ttlMs(key) ?? 0) < ttlMs) view.expire(key, ttlMs);
    return version;
  },
  decode: String,
});

/** By tag key; undefined: there is none. */
export type VersionsOfToday = ReadonlyMap<string, string | undefined>;

export const carried = (meta: EntryMeta | undefined): string[] => Object.keys(meta?.tags ?? {});

export function isCurrent(meta: EntryMeta | undefined, today: VersionsOfToday): boolean {
  return Object.entries(meta?.tags ?? {}).every(([key, version]) => today.get(key) === version);
}

interface Parts {
  readonly place: CachePlace;
  readonly driver: CacheDriver;
  readonly runner: CallRunner;
}

/**
 * Tags without lists of their members. An entry carries the versions its tags had; a tag is invalidated by deleting
 * its version, and the next writer makes another, at random. A version that is absent matches nothing: one that expired
 * or was evicted makes misses, never a stale hit.
 */
export class TagVersions {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Where the versions of tags are kept; each tag once. INVALID_ARGUMENT for what is no tag. */
  keysOf(keys: KeySpace, tags: unknown): string[] {
    if (tags === undefined) return [];
    const { driver, place } = this.#parts;
    const full = new Set(keys.fullAll(tags, 'tag'));
    if (full.size > 0 && !driver.capabilities.scripts)
      throw unimplemented(place, 'scripts, which tags need', driver.kind);
    return [...full].map((tag) => keyAbout(tag, 'tag'));
  }

  /** The versions an entry of this life is to carry. Taken before its value is made: what is invalidated since is void. */
  async ensure(
    tagKeys: readonly string[],
    ttlMs: number | undefined,
    options: CallOptions | undefined,
  ): Promise<EntryMeta['tags']> {
    if (tagKeys.length === 0) return undefined;
    const { driver, runner } = this.#parts;
    const args = [randomBytes(9).toString('base64url'), String((ttlMs ?? KEEP_MS) + MARGIN_MS)];
    const versions = await runner.run(
      'script',
      options,
      (call) => Promise.all(tagKeys.map((key) => driver.run(ensureTag, [key], args, call))),
      ensureTag.name,
    );
    return Object.fromEntries(tagKeys.map((key, index) => [key, ensureTag.decode(versions[index] ?? '')]));
  }

  /** Which of the entries still carry the versions of today; one that has no tags does. One round trip for all. */
  async areCurrent(
    metas: readonly (EntryMeta | undefined)[],
    options?: CallOptions,
  ): Promise<readonly boolean[]> {
    const keys = [...new Set(metas.flatMap(carried))];
    if (keys.length === 0) return metas.map(() => true);
    const { runner } = this.#parts;
    const today = await runner.run('getMany', options, (call) => this.today(keys, call));
    return metas.map((meta) => isCurrent(meta, today));
  }

  /** The versions of today, as a part of a call. */
  async today(tagKeys: readonly string[], call: DriverCall): Promise<VersionsOfToday> {
    const found = tagKeys.length === 0 ? [] : await this.#parts.driver.getMany(tagKeys, call);
    return new Map(tagKeys.map((key, index) => [key, found[index]?.toString()]));
  }

  async invalidate(tagKeys: readonly string[], options: CallOptions | undefined): Promise<void> {
    if (tagKeys.length === 0) return;
    const { driver, runner } = this.#parts;
    await runner.run('invalidateTags', options, (call) => driver.delete(tagKeys, call));
  }
}
