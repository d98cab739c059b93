import { invalidArgument, shown } from '../coord.errors.js';
import type { CoordEngine } from '../operations/coord-engine.js';

/** Where documents and their history stand in the store. */
export class ConfigKeys {
  readonly #engine: CoordEngine;
  readonly #data: string;
  readonly #history: string;

  constructor(engine: CoordEngine) {
    this.#engine = engine;
    this.#data = engine.keys.root('config-data');
    this.#history = engine.keys.root('config-history');
  }

  /** A caller's key, checked, with its leading slash. */
  path(key: string): string {
    return this.#engine.keys.path(key);
  }

  /** The beginning of paths, taken literally: '' and '/' are everything. */
  prefix(prefix: string): string {
    if (prefix === '' || prefix === '/') return '/';
    if (typeof prefix !== 'string' || prefix.includes('//'))
      throw invalidArgument(this.#engine.place, `prefix must be a text without '//', got ${shown(prefix)}`);
    const bare = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
    const path = this.#engine.keys.path(bare, 'prefix');
    return prefix.endsWith('/') ? `${path}/` : path;
  }

  /** The store's key of a path, or beginning of keys of a beginning of paths. */
  data(path: string): string {
    return `${this.#data}${path}`;
  }

  /** The path of a store's key. */
  pathOf(dataKey: string): string {
    return dataKey.slice(this.#data.length);
  }

  /** No path holds '//': the history of `/a` is not mixed with that of `/a/b`. */
  historyPrefix(path: string): string {
    return `${this.#history}${path}//`;
  }

  historySlot(path: string, slot: number): string {
    return `${this.historyPrefix(path)}${slot}`;
  }
}
