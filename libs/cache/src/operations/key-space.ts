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

const refused = (place: CachePlace, rule: string, value: unknown): Error =>
  invalidArgument(place, `${rule}, got ${shown(value)}`);

function checkedText(place: CachePlace, text: string, what: string): string {
  if (text.length > SURELY_FITS && Buffer.byteLength(text) > MAX_KEY_BYTES)
    throw refused(place, `${what} must not be longer than 64 KiB`, text);
  // a lone surrogate would become U+FFFD on the wire, and two keys one
  if (!text.isWellFormed()) throw refused(place, `${what} must be well-formed Unicode`, text);
  return text;
}

/** What callers may name: INVALID_ARGUMENT for all else. */
export function checkedKey(place: CachePlace, key: unknown, what: 'key' | 'tag'): string {
  if (typeof key !== 'string') throw refused(place, `a ${what} must be a text`, key);
  if (key === '') throw refused(place, `a ${what} must not be empty`, key);
  return checkedText(place, key, `a ${what}`);
}

/** The keys of one cache or namespace: checked, and put behind its prefix. */
export class KeySpace {
  readonly prefix: string;
  readonly #place: CachePlace;

  constructor(place: CachePlace, prefix: string) {
    this.#place = place;
    this.prefix = prefix;
  }

  full(key: unknown, what: 'key' | 'tag' = 'key'): string {
    return this.prefix + checkedKey(this.#place, key, what);
  }

  fullAll(keys: unknown, what: 'key' | 'tag' = 'key'): string[] {
    if (!Array.isArray(keys)) throw refused(this.#place, `${what}s must be a list`, keys);
    return keys.map((key) => this.full(key, what));
  }

  /** A prefix to search by: as a key, and may be empty. */
  fullPrefix(prefix: unknown): string {
    if (typeof prefix !== 'string') throw refused(this.#place, 'a prefix must be a text', prefix);
    return this.prefix + checkedText(this.#place, prefix, 'a prefix');
  }

  /** The caller's key of a full one. */
  own(full: string): string {
    return full.slice(this.prefix.length);
  }

  below(prefix: unknown): KeySpace {
    return new KeySpace(this.#place, this.fullPrefix(prefix));
  }
}
