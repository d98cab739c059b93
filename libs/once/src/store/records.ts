import { InfraContext, type CallOptions } from '@infra-kit/kernel';
import type { OnceRecord } from '../once.provider.js';
import type { StoredEntry } from '../scripts/once.scripts.js';
import { decodeResult } from '../values/kept-result.js';
import type { CacheStore } from './cache-store.js';
import type { DbStore } from './db-store.js';
import type { RecordStore } from './record-store.js';

function recordOf(entry: StoredEntry): OnceRecord {
  const { status, fence, startedAt, expiresAt, fingerprint } = entry;
  const base = { fence, startedAt, expiresAt, ...(fingerprint !== undefined && { fingerprint }) };
  if (status === 'running') return { status, ...base };
  const decoded = decodeResult(entry.result);
  const value = decoded.kind === 'value' ? decoded.value : undefined;
  return { status, ...base, doneAt: entry.doneAt, value };
}

export function cacheRecords(store: CacheStore): RecordStore {
  return {
    read: async (stored, limits) => {
      const entry = await store.read(stored, limits);
      return entry && recordOf(entry);
    },
    clear: (stored, limits) => store.clear(stored, limits),
    clearAll: (prefix, limits) => store.clearAll(prefix, limits),
  };
}

/** Limits reach statements through the context. */
export function dbRecords(store: DbStore, leaseMs: () => number): RecordStore {
  const within = <R>({ signal }: CallOptions, ask: () => Promise<R>): Promise<R> =>
    InfraContext.run({ signal }, ask);
  return {
    read: (stored, limits) => within(limits, () => store.read(stored, leaseMs())),
    clear: (stored, limits) => within(limits, () => store.clear(stored)),
    clearAll: (prefix, limits) => within(limits, () => store.clearAll(prefix)),
  };
}
