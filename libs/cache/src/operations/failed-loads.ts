import { InfraContext } from '@infra-kit/kernel';
import { LruStore } from '../drivers/memory/lru-store.js';
import type { EntryMeta } from './stored-entry.js';
import type { TagVersions } from './tag-versions.js';

/** Failures remembered at once; the least recently used is forgotten. */
export const MAX_FAILURES = 1000;

interface FailedLoad {
  readonly error: unknown;
  readonly tagKeys: readonly string[];
  /** Of its tags before it began; absent where they were not asked for, the server being away. */
  readonly versions: EntryMeta['tags'];
}

/** What loaders threw, for as long as their callers said (`negativeTtlMs`), in this process. */
export class FailedLoads {
  readonly #failures: LruStore<FailedLoad>;
  readonly #tags: TagVersions;

  constructor(tags: TagVersions, now: () => number) {
    this.#tags = tags;
    this.#failures = new LruStore(MAX_FAILURES, now);
  }

  remember(fullKey: string, failure: FailedLoad, until: number): void {
    this.#failures.put(fullKey, failure, until);
  }

  /** The failure that is to be repeated: one whose tags were not invalidated since, by whichever process. */
  async find(fullKey: string): Promise<FailedLoad | undefined> {
    const failure = this.#failures.touch(fullKey)?.value;
    if (failure?.versions === undefined) return failure;
    const { versions } = failure;
    const [current] = await InfraContext.detach(() => this.#tags.areCurrent([{ tags: versions }])).catch(
      () => [true], // nobody can say: it stands for its time
    );
    if (current === true) return failure;
    this.#failures.delete(fullKey);
    return undefined;
  }

  forget(fullKey: string): void {
    if (this.#failures.size > 0) this.#failures.delete(fullKey);
  }

  forgetTags(tagKeys: readonly string[]): void {
    for (const key of this.#failures.keys(''))
      if (this.#failures.peek(key)?.value.tagKeys.some((tag) => tagKeys.includes(tag)) === true)
        this.#failures.delete(key);
  }

  keys(prefix: string): readonly string[] {
    return this.#failures.keys(prefix);
  }

  clear(): void {
    this.#failures.clear();
  }
}
