import type { CallOptions } from '@infra-kit/kernel';
import { invalidArgument, shown, unimplemented } from '../cache.errors.js';
import type { CacheScripts } from '../cache.provider.js';
import type { CacheEngine } from './cache-engine.js';
import type { AtomicScript } from '../scripts/atomic-script.js';
import type { KeySpace } from './key-space.js';

/** Scripts on one key space. */
export class ScriptRunner implements CacheScripts {
  readonly #engine: Pick<CacheEngine, 'place' | 'driver' | 'runner' | 'loads'>;
  readonly #keys: KeySpace;
  readonly #checkOpen: () => void;

  constructor(
    engine: Pick<CacheEngine, 'place' | 'driver' | 'runner' | 'loads'>,
    keys: KeySpace,
    checkOpen: () => void,
  ) {
    this.#engine = engine;
    this.#keys = keys;
    this.#checkOpen = checkOpen;
  }

  async run<R>(
    script: AtomicScript<R>,
    keys: readonly string[],
    args: readonly (string | number)[],
    options?: CallOptions,
  ): Promise<R> {
    this.#checkOpen();
    const { driver, runner, place, loads } = this.#engine;
    if (!driver.capabilities.scripts) throw unimplemented(place, 'scripts', driver.kind);
    if (typeof script?.decode !== 'function' || typeof script.twin !== 'function')
      throw invalidArgument(place, `a script must be made by defineScript, got ${shown(script)}`);
    const fullKeys = this.#keys.fullAll(keys);
    if (!Array.isArray(args))
      throw invalidArgument(place, `args of a script must be a list, got ${shown(args)}`);
    const texts = args.map((arg) => this.#text(arg));
    for (const key of fullKeys) loads.supersede(key);
    const reply = await runner.run(
      'script',
      options,
      (call) => driver.run(script, fullKeys, texts, call),
      script.name,
    );
    return script.decode(reply);
  }

  #text(arg: unknown): string {
    if (typeof arg === 'string') return arg;
    if (typeof arg === 'number' && Number.isFinite(arg)) return String(arg);
    throw invalidArgument(
      this.#engine.place,
      `args of a script must be texts and finite numbers, got ${shown(arg)}`,
    );
  }
}
