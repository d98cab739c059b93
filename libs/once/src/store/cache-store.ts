import type { AtomicScript, CacheProvider } from '@infra-kit/cache';
import { isInfraError, withDeadline, type CallOptions } from '@infra-kit/kernel';
import { recordStoreCall } from '../once.telemetry.js';
import {
  claimScript,
  clearScript,
  completeScript,
  readScript,
  releaseScript,
  renewScript,
  type ClaimReply,
  type StoredEntry,
} from '../scripts/once.scripts.js';
import { counterOf, isStoredKey } from './stored-key.js';

/** A key that this process runs. */
export interface Grant {
  readonly stored: string;
  readonly owner: string;
  readonly fence: bigint;
  /** By the server's clock. */
  readonly startedAt: number;
  readonly fingerprint: string | undefined;
}

export interface CacheStoreParts {
  readonly cache: CacheProvider;
  readonly name: string;
  readonly timeoutMs: () => number;
}

/** The script reads the server's time itself. */
const SERVER_TIME = '';
const PAGE = 50;

/** Records in the cache: one round trip a step, each within `storeTimeoutMs`. */
export class CacheStore {
  readonly #parts: CacheStoreParts;

  constructor(parts: CacheStoreParts) {
    this.#parts = parts;
  }

  claim(
    stored: string,
    ask: { readonly leaseMs: number; readonly owner: string; readonly fingerprint: string | undefined },
    options: CallOptions,
  ): Promise<ClaimReply> {
    const args = [ask.leaseMs, ask.owner, ask.fingerprint ?? '-'];
    return this.#run('claim', claimScript, stored, args, options);
  }

  renew(
    { stored, fence, startedAt, owner, fingerprint }: Grant,
    leaseMs: number,
    options: CallOptions,
  ): Promise<boolean> {
    const args = [String(fence), leaseMs, startedAt, owner, fingerprint ?? '-'];
    return this.#run('renew', renewScript, stored, args, options);
  }

  complete(
    { stored, fence, startedAt, fingerprint }: Grant,
    result: string,
    ttlMs: number,
  ): Promise<boolean> {
    const args = [String(fence), ttlMs, startedAt, fingerprint ?? '-', result];
    return this.#run('complete', completeScript, stored, args, {});
  }

  release(stored: string, owner: string): Promise<boolean> {
    return this.#run('release', releaseScript, stored, [owner], {});
  }

  clear(stored: string, options: CallOptions): Promise<boolean> {
    return this.#run('clear', clearScript, stored, [], options);
  }

  read(stored: string, options: CallOptions): Promise<StoredEntry | undefined> {
    return this.#run('read', readScript, stored, [], options);
  }

  /** `storeTimeoutMs` limits each step, not the whole. */
  async clearAll(prefix: string, options: CallOptions): Promise<number> {
    let count = 0;
    let page: string[] = [];
    const flush = async (): Promise<void> => {
      const cleared = await Promise.all(page.map((stored) => this.clear(stored, options)));
      count += cleared.filter(Boolean).length;
      page = [];
    };
    for await (const stored of this.#parts.cache.scan(prefix, options)) {
      if (!isStoredKey(stored)) continue;
      if (page.push(stored) >= PAGE) await flush();
    }
    await flush();
    return count;
  }

  async #run<R>(
    operation: string,
    script: AtomicScript<R>,
    stored: string,
    args: readonly (string | number)[],
    { signal, timeoutMs = Infinity }: CallOptions,
  ): Promise<R> {
    const { cache, name } = this.#parts;
    const started = performance.now();
    let outcome = 'ok';
    try {
      const limits = { signal, timeoutMs: Math.min(timeoutMs, this.#parts.timeoutMs()) };
      return await withDeadline(limits, Infinity, 'once.store', (ended) =>
        cache.scripts.run(script, [stored, counterOf(stored)], [...args, SERVER_TIME], { signal: ended }),
      );
    } catch (error) {
      outcome = isInfraError(error) ? error.code : 'INTERNAL';
      throw error;
    } finally {
      recordStoreCall(name, operation, outcome, performance.now() - started);
    }
  }
}
