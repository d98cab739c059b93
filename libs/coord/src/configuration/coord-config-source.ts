import { ConfigSource, type ConfigDocument, type ConfigOutcome } from '@infra-kit/kernel';
import type { CoordEngine } from '../operations/coord-engine.js';
import { followRange } from '../operations/range-follower.js';
import type { ConfigKeys } from './config-keys.js';
import type { ConfigStatus } from './config-status.js';
import type { SnapshotFolder } from './snapshot-file.js';

export interface SourceDeps {
  readonly snapshots: SnapshotFolder | undefined;
  readonly status: ConfigStatus;
  /** Aborts when the coord closes. */
  readonly closing: AbortSignal;
}

/** The configuration centre as the source of every component's documents. */
export class CoordConfigSource extends ConfigSource {
  readonly #engine: CoordEngine;
  readonly #keys: ConfigKeys;
  readonly #deps: SourceDeps;

  constructor(engine: CoordEngine, keys: ConfigKeys, deps: SourceDeps) {
    super();
    this.#engine = engine;
    this.#keys = keys;
    this.#deps = deps;
  }

  override async load(path: string): Promise<ConfigDocument | undefined> {
    const { runner, driver } = this.#engine;
    const range = { key: this.#dataKey(path) };
    const { kvs } = await runner.run('range', undefined, (call) => driver.range(range, call));
    const [found] = kvs;
    return found && { path, revision: found.modRevision, value: valueOf(found.value) };
  }

  override async *watch(path: string, signal: AbortSignal): AsyncGenerator<ConfigDocument> {
    const key = this.#dataKey(path);
    const snapshot = this.#engine.driver.state === 'down' ? await this.#deps.snapshots?.read(key) : undefined;
    if (snapshot !== undefined) yield { path, ...snapshot };
    const until = AbortSignal.any([signal, this.#deps.closing]);
    for await (const news of followRange(this.#engine, { key }, { signal: until })) {
      const change = news.type === 'changes' ? news.changes.at(-1) : undefined;
      if (change?.type !== 'put') continue;
      yield { path, revision: change.revision, value: valueOf(change.value) };
    }
  }

  override async keep({ path, revision, value }: ConfigDocument): Promise<void> {
    try {
      await this.#deps.snapshots?.write(this.#dataKey(path), { revision, value });
    } catch (error) {
      this.#engine.logger.error('a snapshot was not written', { key: path, err: error });
    }
  }

  override async report(path: string, instance: string, outcome: ConfigOutcome): Promise<void> {
    await this.#deps.status.write(this.#keys.path(path), instance, outcome);
  }

  #dataKey(path: string): string {
    this.#engine.runner.checkOpen();
    return this.#keys.data(this.#keys.path(path));
  }
}

/** A text that is not JSON goes out as it is: the component refuses it, and whoever pushed it can read why. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
