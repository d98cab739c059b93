import { invalidArgument, shown, type CachePlace } from '../cache.errors.js';

const MAX_KEY_BYTES = 64 * 1024;
/** UTF-8 takes at most three bytes a code unit. */
const SURELY_FITS = Math.floor(MAX_KEY_BYTES / 3);

/** Stands in the keys under which the cache keeps what is its own, behind the full key that it is about. */
const OWN = '\u0001ik:';

/** By the full key alone, however its prefix is made up. */
export const keyAbout = (full: string, what: 'lock' | 'load' | 'tag'): string => full + OWN + what;

/** True for what is no caller's key. */
export const isOwnKey = (full: string): boolean => full.includes(OWN);

/** The keys of one cache or namespace: checked, and put behind its prefix. */
export class KeySpace {
  readonly prefix: string;
  readonly #place: CachePlace;

  constructor(place: CachePlace, prefix: string) {
    this.#place = place;
    this.prefix = prefix;
  }

  full(key: unknown, what: 'key' | 'tag' = 'key'): string {
    if (typeof key !== 'string') throw this.#bad(`a ${what} must be a text`, key);
    if (key === '') throw this.#bad(`a ${what} must not be empty`, key);
    return this.prefix + this.#checked(key, `a ${what}`);
  }

  fullAll(keys: unknown, what: 'key' | 'tag' = 'key'): string[] {
    if (!Array.isArray(keys)) throw this.#bad(`${what}s must be a list`, keys);
    return keys.map((key) => this.full(key, what));
  }

  /** A prefix to search by: as a key, and may be empty. */
  fullPrefix(prefix: unknown): string {
    if (typeof prefix !== 'string') throw this.#bad('a prefix must be a text', prefix);
    return this.prefix + this.#checked(prefix, 'a prefix');
  }

  /** The caller's key of a full one. */
  own(full: string): string {
    return full.slice(this.prefix.length);
  }

  below(prefix: unknown): KeySpace {
    return new KeySpace(this.#place, this.fullPrefix(prefix));
  }

  #checked(text: string, what: string): string {
    if (text.length > SURELY_FITS && Buffer.byteLength(text) > MAX_KEY_BYTES)
      throw this.#bad(`${what} must not be longer than 64 KiB`, text);
    // a lone surrogate would become U+FFFD on the wire, and two keys one
    if (!text.isWellFormed()) throw this.#bad(`${what} must be well-formed Unicode`, text);
    return text;
  }

  #bad(rule: string, value: unknown): Error {
    return invalidArgument(this.#place, `${rule}, got ${shown(value)}`);
  }
}
