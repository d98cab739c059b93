import { invalidArgument, shown, type CoordPlace } from '../coord.errors.js';

/** The groups of keys in the store, each under the prefix. */
export type KeyGroup = 'config-data' | 'config-history' | 'registry' | 'locks' | 'elections' | 'ids';

const MAX_KEY_BYTES = 4096;

/** The keys of one coord: checked, and put under `{prefix}/{group}`. */
export class KeySpace {
  readonly #place: CoordPlace;
  readonly #prefix: string;

  /** `prefix` begins with '/', or is empty, and does not end with '/'. */
  constructor(place: CoordPlace, prefix: string) {
    this.#place = place;
    this.#prefix = prefix;
  }

  /** `{prefix}/{group}`, without a slash at its end. */
  root(group: KeyGroup): string {
    return `${this.#prefix}/${group}`;
  }

  /**
   * A caller's key with its leading slash: `a/b` is `/a/b`. INVALID_ARGUMENT when it is empty, holds `//`, ends with
   * a slash, or is longer than 4 KiB. `what` names it in the message.
   */
  path(key: unknown, what = 'key'): string {
    if (typeof key !== 'string') throw this.#bad(`${what} must be a text`, key);
    const path = key.startsWith('/') ? key : `/${key}`;
    if (path === '/') throw this.#bad(`${what} must not be empty`, key);
    if (path.includes('//')) throw this.#bad(`${what} must not hold '//'`, key);
    if (path.endsWith('/')) throw this.#bad(`${what} must not end with '/'`, key);
    return this.#checked(path, what);
  }

  /** A text that is one segment of a key: a service, an id, a name. As `path`, and without any slash. */
  segment(text: unknown, what: string): string {
    if (typeof text !== 'string') throw this.#bad(`${what} must be a text`, text);
    if (text === '') throw this.#bad(`${what} must not be empty`, text);
    if (text.includes('/')) throw this.#bad(`${what} must not hold '/'`, text);
    return this.#checked(text, what);
  }

  #checked(text: string, what: string): string {
    if (Buffer.byteLength(text) > MAX_KEY_BYTES)
      throw this.#bad(`${what} must not be longer than 4 KiB`, text);
    // a lone surrogate would become U+FFFD on the wire, and two keys one
    if (!text.isWellFormed()) throw this.#bad(`${what} must be well-formed Unicode`, text);
    return text;
  }

  #bad(rule: string, value: unknown): Error {
    return invalidArgument(this.#place, `${rule}, got ${shown(value)}`);
  }
}
