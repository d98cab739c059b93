import type { CallOptions } from '@infra-kit/kernel';
import type { CacheDriver, DriverCall, Encoded } from '../drivers/cache-driver.js';
import type { CallRunner } from './call-runner.js';
import { metaOf, type EntryMeta } from './stored-entry.js';
import { carried, isCurrent, type TagVersions } from './tag-versions.js';

/** An entry as `getOrSet` sees it. */
export interface TimedEntry {
  readonly data: Encoded;
  readonly meta: EntryMeta | undefined;
  /** Milliseconds until it goes; Infinity: never. */
  readonly leftMs: number;
  /** Milliseconds it is still fresh; ≤ 0: it is stale. */
  readonly freshMs: number;
}

interface Parts {
  readonly driver: CacheDriver;
  readonly runner: CallRunner;
  readonly tags: TagVersions;
}

/** What the store knows by itself of an entry's life is not all: it may be stale, or void by a tag. */
export const needsLook = (meta: EntryMeta | undefined): boolean =>
  meta !== undefined && (meta.tags !== undefined || (meta.staleMs ?? 0) > 0);

/** Reads entries with regard to what is kept beside their values. Times are the server's, so that no clocks need agree. */
export class EntryReader {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async isCurrent(meta: EntryMeta | undefined, options: CallOptions | undefined): Promise<boolean> {
    const [current] = await this.#parts.tags.areCurrent([meta], options);
    return current === true;
  }

  /** For plain reads: what was found, less what is stale or carries an invalidated tag. */
  async fresh(
    fullKeys: readonly string[],
    found: readonly (Encoded | undefined)[],
    options: CallOptions | undefined,
  ): Promise<readonly (Encoded | undefined)[]> {
    const metas = found.map(metaOf);
    if (!metas.some(needsLook)) return found;
    const { driver, runner, tags } = this.#parts;
    const inTime = async (index: number, call: DriverCall): Promise<boolean> => {
      const staleMs = metas[index]?.staleMs ?? 0;
      return staleMs === 0 || ((await driver.ttlMs(fullKeys[index] ?? '', call)) ?? 0) > staleMs;
    };
    const timed = metas.some((meta) => (meta?.staleMs ?? 0) > 0);
    const [current, living] = await Promise.all([
      tags.areCurrent(metas, options),
      timed
        ? runner.run('ttlMs', options, (call) => Promise.all(metas.map((_, index) => inTime(index, call))))
        : undefined,
    ]);
    return found.map((data, index) =>
      current[index] === true && living?.[index] !== false ? data : undefined,
    );
  }

  /**
   * The entry with its time and the versions of the tags that it is expected to carry, in one go. A void one is none,
   * and so is one that went meanwhile.
   */
  async timed(key: string, fullKey: string, tagKeys: readonly string[]): Promise<TimedEntry | undefined> {
    const { driver, runner, tags } = this.#parts;
    const [data, left, today] = await runner.run(
      'get',
      undefined,
      (call) =>
        Promise.all([driver.get(fullKey, call), driver.ttlMs(fullKey, call), tags.today(tagKeys, call)]),
      key,
    );
    if (data === undefined || left === undefined) return undefined;
    const meta = metaOf(data);
    const [current] = carried(meta).every((tag) => today.has(tag))
      ? [isCurrent(meta, today)]
      : await tags.areCurrent([meta]);
    if (current !== true) return undefined;
    return { data, meta, leftMs: left, freshMs: left - (meta?.staleMs ?? 0) };
  }
}
