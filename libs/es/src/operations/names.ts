import { invalidArgument, shown, type EsPlace } from '../es.errors.js';

/** Elasticsearch's rules for names, `*` and commas among what they forbid: one name never means several indices. */
const FORBIDDEN = /[\\/*?"<>|\s,#:]/;
const LONGEST_BYTES = 200;
const LONGEST_ID_BYTES = 512;

/** The names of one es: checked, and put under `indexPrefix`. */
export class Names {
  readonly prefix: string;
  readonly #place: EsPlace;

  constructor(place: EsPlace, prefix: string) {
    this.#place = place;
    this.prefix = prefix;
  }

  /** A caller's name of an index or alias with the prefix. INVALID_ARGUMENT when Elasticsearch would not take it. */
  full(name: unknown, what = 'index'): string {
    if (typeof name !== 'string' || name === '')
      throw invalidArgument(this.#place, `${what} must be a name, got ${shown(name)}`);
    const full = this.prefix + name;
    const bad = FORBIDDEN.test(full) || full !== full.toLowerCase() || /^[-_+.]/.test(full);
    if (bad || Buffer.byteLength(full) > LONGEST_BYTES)
      throw invalidArgument(
        this.#place,
        `${what} must be lower case without \\/*?"<>|,#: and spaces, not begin with - _ + or ., and at most ${LONGEST_BYTES} bytes with its prefix, got ${shown(name)}`,
      );
    return full;
  }

  /** Without the prefix: as the caller knows it. */
  own(full: string): string {
    return full.startsWith(this.prefix) ? full.slice(this.prefix.length) : full;
  }

  id(id: unknown, what = 'id'): string {
    if (typeof id === 'string' && id !== '' && Buffer.byteLength(id) <= LONGEST_ID_BYTES) return id;
    throw invalidArgument(
      this.#place,
      `${what} must be a text of 1 to ${LONGEST_ID_BYTES} bytes, got ${shown(id)}`,
    );
  }

  document(doc: unknown, what = 'doc'): object {
    if (typeof doc === 'object' && doc !== null && !Array.isArray(doc)) return doc;
    throw invalidArgument(this.#place, `${what} must be an object, got ${shown(doc)}`);
  }
}
