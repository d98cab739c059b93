import type { CallOptions, ConfigSource } from '@infra-kit/kernel';
import { coordError, invalidArgument, shown } from '../coord.errors.js';
import type { KeyRange } from '../drivers/coord-driver.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { endable } from '../operations/endable.js';
import { Binding } from './binding.js';
import { decodeValue } from './config-codec.js';
import {
  ConfigCenter,
  type BindOptions,
  type ConfigEntry,
  type ConfigEvent,
  type ConfigHandle,
  type ConfigHistoryEntry,
  type ConfigHistoryOptions,
  type ConfigValue,
  type ConfigWatchOptions,
  type ConfigWriteOptions,
} from './config-center.js';
import { readHistory } from './config-history.js';
import { ConfigKeys } from './config-keys.js';
import { ConfigStatus } from './config-status.js';
import { watchDocuments } from './config-watch.js';
import { ConfigWriter, HISTORY_KEPT } from './config-writer.js';
import { CoordConfigSource } from './coord-config-source.js';
import { SnapshotFolder } from './snapshot-file.js';

/** The store counts in 64 bits; a larger number would wrap round to another revision. */
const LARGEST_REVISION = 2n ** 63n - 1n;

/** The configuration centre over any driver. */
export class DefaultConfigCenter extends ConfigCenter {
  readonly #engine: CoordEngine;
  readonly #keys: ConfigKeys;
  readonly #writer: ConfigWriter;
  readonly #closing = new AbortController();
  /** The last good documents on disk, with `snapshotDir`. */
  readonly #snapshots: SnapshotFolder | undefined;
  readonly #status: ConfigStatus;
  override readonly source: ConfigSource;

  constructor(engine: CoordEngine) {
    super();
    const { snapshotDir } = engine.settings();
    this.#engine = engine;
    this.#keys = new ConfigKeys(engine);
    this.#writer = new ConfigWriter(engine, this.#keys);
    this.#snapshots =
      snapshotDir === undefined
        ? undefined
        : new SnapshotFolder(snapshotDir, (path) =>
            engine.logger.warn('a file is no snapshot of its document: it is ignored', { path }),
          );
    this.#status = new ConfigStatus(engine, this.#keys);
    this.source = new CoordConfigSource(engine, this.#keys, {
      snapshots: this.#snapshots,
      status: this.#status,
      closing: this.#closing.signal,
    });
    engine.stack.push({
      name: `${engine.place.label} configuration`,
      phase: 'connections',
      close: () => this.#closing.abort(),
    });
  }

  override async get<T>(key: string, options?: CallOptions): Promise<T | undefined> {
    return (await this.getWithRevision<T>(key, options))?.value;
  }

  override async getWithRevision<T>(key: string, options?: CallOptions): Promise<ConfigValue<T> | undefined> {
    const path = this.#path(key);
    const { runner, driver } = this.#engine;
    const range = { key: this.#keys.data(path) };
    const { kvs } = await runner.run('range', options, (call) => driver.range(range, call));
    const [found] = kvs;
    if (found === undefined) return undefined;
    return {
      value: decodeValue(this.#engine.place, path, found.value) as T,
      revision: found.modRevision,
    };
  }

  override async list(prefix: string, options?: CallOptions): Promise<ConfigEntry[]> {
    this.#engine.runner.checkOpen();
    const { runner, driver, place, logger } = this.#engine;
    const range = { prefix: this.#keys.data(this.#keys.prefix(prefix)) };
    const { kvs } = await runner.run('range', options, (call) => driver.range(range, call));
    return kvs.flatMap(({ key, value, modRevision: revision }) => {
      const path = this.#keys.pathOf(key);
      try {
        return [{ key: path, value: decodeValue(place, path, value), revision }];
      } catch (err) {
        logger.warn('left out of a list: a document that is not JSON', { key: path, revision, err });
        return [];
      }
    });
  }

  override async set(key: string, value: unknown, options: ConfigWriteOptions = {}): Promise<bigint> {
    const { revision } = await this.#writer.write(this.#path(key), value, {
      ...options,
      expected: undefined,
    });
    return revision;
  }

  override async compareAndSet(
    key: string,
    expected: bigint,
    value: unknown,
    options: ConfigWriteOptions = {},
  ): Promise<{ ok: boolean; revision: bigint }> {
    const path = this.#path(key);
    this.#checkRevision('expected', expected, 0n);
    return this.#writer.write(path, value, { ...options, expected });
  }

  override async delete(key: string, options?: CallOptions): Promise<{ deleted: boolean; revision: bigint }> {
    const { runner, driver } = this.#engine;
    const success = [{ kind: 'delete', key: this.#keys.data(this.#path(key)) }] as const;
    const { results, revision } = await runner.run('txn', options, (call) => driver.txn({ success }, call));
    return { deleted: (results[0]?.deleted ?? 0) > 0, revision };
  }

  override async history(key: string, options: ConfigHistoryOptions = {}): Promise<ConfigHistoryEntry[]> {
    const { limit = HISTORY_KEPT } = options;
    if (!Number.isInteger(limit) || limit < 1)
      throw invalidArgument(this.#engine.place, `limit must be a whole number ≥ 1, got ${shown(limit)}`);
    const entries = await readHistory(this.#engine, this.#keys.historyPrefix(this.#path(key)), options);
    return entries.slice(0, limit);
  }

  override async restore(key: string, revision: bigint, options: ConfigWriteOptions = {}): Promise<bigint> {
    this.#checkRevision('revision', revision, 1n);
    const entries = await this.history(key, { signal: options.signal, timeoutMs: options.timeoutMs });
    const entry = entries.find((candidate) => candidate.revision === revision);
    if (entry === undefined)
      throw coordError(
        this.#engine.place,
        'NOT_FOUND',
        `the history of ${shown(key)} does not hold revision ${revision}; it holds ${entries.map((one) => one.revision).join(', ') || 'nothing'}`,
      );
    return this.set(key, entry.value, options);
  }

  override watch<T>(key: string, options: ConfigWatchOptions = {}): AsyncIterableIterator<ConfigEvent<T>> {
    return this.#watch(() => ({ key: this.#keys.data(this.#path(key)) }), options);
  }

  override watchPrefix<T = unknown>(
    prefix: string,
    options: ConfigWatchOptions = {},
  ): AsyncIterableIterator<ConfigEvent<T>> {
    return this.#watch(() => ({ prefix: this.#keys.data(this.#keys.prefix(prefix)) }), options);
  }

  override async bind<T>(key: string, options: BindOptions<T> & CallOptions): Promise<ConfigHandle<T>> {
    const path = this.#path(key);
    if (typeof options?.parse !== 'function')
      throw invalidArgument(this.#engine.place, `parse must be a function, got ${shown(options?.parse)}`);
    const { onChange } = options;
    if (onChange !== undefined && typeof onChange !== 'function')
      throw invalidArgument(this.#engine.place, `onChange must be a function, got ${shown(onChange)}`);
    const binding = new Binding<T>(
      this.#engine,
      {
        path,
        dataKey: this.#keys.data(path),
        snapshots: this.#snapshots,
        status: this.#status,
        closing: this.#closing.signal,
      },
      options,
    );
    return binding.start(options);
  }

  #watch<T>(
    range: () => KeyRange,
    { signal, fromRevision }: ConfigWatchOptions,
  ): AsyncIterableIterator<ConfigEvent<T>> {
    const engine = this.#engine;
    const keys = this.#keys;
    const check = (): void => {
      engine.runner.checkOpen();
      if (fromRevision !== undefined) this.#checkRevision('fromRevision', fromRevision, 1n);
    };
    return endable([this.#closing.signal, signal], async function* (until) {
      check();
      yield* watchDocuments<T>(engine, keys, { range: range(), fromRevision, signal: until });
    });
  }

  #path(key: string): string {
    this.#engine.runner.checkOpen();
    return this.#keys.path(key);
  }

  #checkRevision(field: string, value: unknown, least: bigint): void {
    if (typeof value === 'bigint' && value >= least && value <= LARGEST_REVISION) return;
    throw invalidArgument(
      this.#engine.place,
      `${field} must be a bigint, ${least}n to 2n ** 63n - 1n, got ${shown(value)}`,
    );
  }
}
