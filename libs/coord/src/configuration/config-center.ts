import type { CallOptions, ConfigSource } from '@infra-kit/kernel';

export interface ConfigValue<T> {
  readonly value: T;
  /** The store's revision that wrote it: higher is later, across all keys. */
  readonly revision: bigint;
}

export interface ConfigEntry extends ConfigValue<unknown> {
  /** With its leading slash, without the prefix of the store. */
  readonly key: string;
}

export interface ConfigHistoryEntry extends ConfigValue<unknown> {
  /** When it was written, ISO 8601, by the writer's clock. */
  readonly at: string;
  /** Who wrote it, where the writer said so. */
  readonly by?: string | undefined;
}

export interface ConfigWriteOptions extends CallOptions {
  /** Who writes, for the history. */
  readonly by?: string | undefined;
}

export interface ConfigHistoryOptions extends CallOptions {
  /** The newest so many; 20 are kept. */
  readonly limit?: number | undefined;
}

export interface ConfigWatchOptions {
  /** Tells of every change from this revision on in place of the present state. FAILED_PRECONDITION when compacted. */
  readonly fromRevision?: bigint | undefined;
  /** Ends the watch, without an error. */
  readonly signal?: AbortSignal | undefined;
}

export interface ConfigEvent<T = unknown> {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** Of a put. */
  readonly value?: T | undefined;
  /** Never lower than in the event before. */
  readonly revision: bigint;
  /** Another event of the same transaction, start state or relist follows at once. */
  readonly more: boolean;
}

export type ConfigOrigin = 'remote' | 'snapshot' | 'fallback';

export interface BindOptions<T> {
  /** Turns a document into what the program uses; throws to refuse it. A ConfigError names every bad field. */
  readonly parse: (raw: unknown) => T;
  /** Used where there is neither a good document nor a snapshot. */
  readonly fallback?: T | undefined;
  /** Told of each value that takes the place of the one before; what it throws is logged and hurts nobody else. */
  readonly onChange?: ((value: T, handle: ConfigHandle<T>) => unknown) | undefined;
}

/** A document that follows its key. */
export interface ConfigHandle<T> extends Disposable {
  /** The last good value. */
  readonly current: T;
  /** Of `current`; 0n for a fallback. */
  readonly revision: bigint;
  readonly source: ConfigOrigin;
  /** The newest document, when it was refused; cleared by the next good one. */
  readonly rejected: { readonly revision: bigint; readonly errors: readonly string[] } | undefined;
  /** Stops following; `current` stays. Idempotent. */
  close(): void;
}

/**
 * Documents (JSON) under keys, with revisions and history.
 *
 * - **Keys** are paths (`a/b` is `/a/b`), in the store under `{prefix}/config-data`, readable and writable by any tool.
 *   A **prefix** is taken literally: `/a` is the beginning of `/a/b` and of `/ab`; '' and '/' are everything.
 * - **Values** are what JSON can hold; INVALID_ARGUMENT for anything else, at any depth. `null` is a value.
 *   A stored text that is not JSON is DATA_LOSS to who asks for its key; lists and watches leave it out with a warning.
 * - **Writes** are one transaction with their history entry. One that failed with UNAVAILABLE or DEADLINE_EXCEEDED may
 *   still be applied.
 * - **Watches** wait for a store that is away and go on after any interruption, with no gap, no repeat and never
 *   backwards; what was compacted meanwhile is made up for by the difference, deletions included, with the revision of
 *   the list that showed it. They begin with the first `next()`, and end with `signal` and with `close` of the coord.
 */
export abstract class ConfigCenter {
  /**
   * The kernel's port, for `ReloadRegistry.join`: paths are keys. With `snapshotDir` and the store away at the start, the
   * document that was applied last comes first. Outcomes are under `/config-status{path}/{instance}`.
   */
  abstract readonly source: ConfigSource;
  /** `undefined`: there is none. */
  abstract get<T>(key: string, options?: CallOptions): Promise<T | undefined>;
  abstract getWithRevision<T>(key: string, options?: CallOptions): Promise<ConfigValue<T> | undefined>;
  /** In the order of their keys. */
  abstract list(prefix: string, options?: CallOptions): Promise<ConfigEntry[]>;
  /** The revision written. */
  abstract set(key: string, value: unknown, options?: ConfigWriteOptions): Promise<bigint>;
  /** Writes if the key is still at revision `expected` (0n: does not exist); else `revision` is the one it is at. */
  abstract compareAndSet(
    key: string,
    expected: bigint,
    value: unknown,
    options?: ConfigWriteOptions,
  ): Promise<{ ok: boolean; revision: bigint }>;
  /** History stays, so that a deleted document can be restored. */
  abstract delete(key: string, options?: CallOptions): Promise<{ deleted: boolean; revision: bigint }>;
  /** Values that were written through a configuration centre, the newest first. */
  abstract history(key: string, options?: ConfigHistoryOptions): Promise<ConfigHistoryEntry[]>;
  /** Makes an old value the newest, and answers its new revision. NOT_FOUND when history does not hold it. */
  abstract restore(key: string, revision: bigint, options?: ConfigWriteOptions): Promise<bigint>;
  /** First the present value, then each change. */
  abstract watch<T>(key: string, options?: ConfigWatchOptions): AsyncIterableIterator<ConfigEvent<T>>;
  /** First the present state in ascending revision, then each change. */
  abstract watchPrefix<T = unknown>(
    prefix: string,
    options?: ConfigWatchOptions,
  ): AsyncIterableIterator<ConfigEvent<T>>;
  /**
   * Follows a document for good: every good one becomes `current`; a bad one is refused, the last good one stays, and
   * why is in `rejected`, in the log, and in the store under `/config-status{key}/{instance}` for whoever pushed it.
   * A deleted key changes nothing. With `snapshotDir` each good document is on disk before `onChange`.
   * It begins with the stored document; with the store away, or a document that is refused, with the snapshot, else
   * the fallback; without a document with the fallback, else the snapshot. With neither it rejects: UNAVAILABLE or
   * DEADLINE_EXCEEDED, INVALID_ARGUMENT (refused), NOT_FOUND (no document).
   * Documents that come faster than they can be taken are passed over but for the last.
   */
  abstract bind<T>(key: string, options: BindOptions<T> & CallOptions): Promise<ConfigHandle<T>>;
}
