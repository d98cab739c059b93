import { types } from 'node:util';
import { httpSummary } from './http-values.js';
import { isError } from './is-error.js';
import { KeyRules, REDACT, REDACTED } from './key-rules.js';

/** Longest string kept whole, in UTF-16 units. */
export const MAX_TEXT = 32_768;
/** Most members kept of one object or array. */
export const MAX_MEMBERS = 1000;
/** Deepest nesting kept. */
export const MAX_DEPTH = 10;
/** Most of a line's fields, in UTF-16 units of keys and strings. */
const MAX_LINE = 262_144;
const LINE_FULL = '[cut: the line is full]';
/** What a number, a brace or a comma counts towards the line. */
const SMALL = 4;

/** Stands for an item of an array: no name of a key, but a `*` in a path. */
const ITEM = '[]';

/** Keys of arrays such as Node's `rawHeaders`. */
const HEADERS = /(headers|trailers)$/i;

/** A sentence in place of what could not be read: a throwing getter, a revoked proxy. */
export function unreadable(error: unknown): string {
  try {
    const said = types.isNativeError(error) ? error.message : String(error);
    return `[unreadable: ${said.slice(0, 200)}]`;
  } catch {
    return '[unreadable]';
  }
}

/** Sets a member, also one whose name would otherwise set the prototype. */
export function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true });
  else target[key] = value;
}

/**
 * Copies values of one line into plain data: what JSON cannot say is said in words, secrets are replaced, what is too long,
 * deep or wide is cut and says so. The caller's objects are only read.
 */
export class ValueWalk {
  /** How often something was cut. */
  cuts = 0;
  readonly #rules: KeyRules;
  readonly #parents: object[] = [];
  readonly #path: string[] = [];
  #room = MAX_LINE;

  constructor(rules: KeyRules) {
    this.#rules = rules;
  }

  /** The value of `key`, read and copied; never throws. */
  member(source: object, key: string): unknown {
    try {
      return this.value(Reflect.get(source, key));
    } catch (error) {
      return unreadable(error);
    }
  }

  /** The same for a field of the line itself, whose value has been read already. */
  field(key: string, value: unknown): unknown {
    this.#path.push(key);
    try {
      return this.value(value);
    } catch (error) {
      return unreadable(error);
    } finally {
      this.#path.pop();
    }
  }

  value(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return this.text(value);
      case 'bigint':
      case 'symbol':
        return this.text(String(value));
      case 'function':
        return this.text(`[Function: ${value.name}]`);
      case 'object':
        return value === null ? null : this.#object(value);
      default:
        this.#room -= SMALL;
        return value;
    }
  }

  /** A string or a key, cut to what the line has room for. */
  text(text: string): string {
    if (this.#room <= 0) return this.#cut(LINE_FULL);
    const most = Math.min(MAX_TEXT, this.#room);
    this.#room -= Math.min(text.length, most);
    if (text.length <= most) return text;
    return this.#cut(`${text.slice(0, most)}… [cut: ${most} of ${text.length} characters]`);
  }

  #cut<T>(shown: T): T {
    this.cuts++;
    return shown;
  }

  #object(value: object): unknown {
    if (this.#parents.includes(value)) return '[circular]';
    if (this.#parents.length >= MAX_DEPTH) return this.#cut(`[cut: nested deeper than ${MAX_DEPTH}]`);
    if (this.#room <= 0) return this.#cut(LINE_FULL);
    this.#room -= SMALL;
    this.#parents.push(value);
    try {
      return this.#shape(value);
    } finally {
      this.#parents.pop();
    }
  }

  #shape(value: object): unknown {
    if (Array.isArray(value)) return this.#items(value, value.length);
    if (isError(value)) return this.#error(value);
    if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (ArrayBuffer.isView(value)) return `[${value.constructor.name}: ${value.byteLength} bytes]`;
    if (types.isMap(value)) return this.#properties(Object.fromEntries(this.#entries(value)));
    if (types.isSet(value)) return this.#items([...value], value.size);
    if (types.isRegExp(value)) return this.text(String(value));
    const http = httpSummary(value);
    if (http !== undefined) return this.#properties(http);
    const toJSON: unknown = Reflect.get(value, 'toJSON');
    if (typeof toJSON !== 'function') return this.#properties(value);
    const said: unknown = Reflect.apply(toJSON, value, []);
    if (typeof said !== 'object' || said === null) return this.value(said);
    return Array.isArray(said) ? this.#items(said, said.length) : this.#properties(said);
  }

  *#entries(map: Map<unknown, unknown>): Generator<[string, unknown]> {
    let left = MAX_MEMBERS + 1;
    for (const [key, value] of map) {
      if (left-- === 0) return;
      yield [typeof key === 'object' && key !== null ? '[object]' : String(key), value];
    }
  }

  #items(items: readonly unknown[], length: number): unknown[] {
    const kept: unknown[] = [];
    if ((this.#rules.of(ITEM, this.#path) & REDACT) !== 0)
      return items.map(() => REDACTED).slice(0, MAX_MEMBERS);
    const hidden = this.#hiddenItems(items);
    for (let index = 0; index < length && index < MAX_MEMBERS; index++)
      kept.push(hidden?.(index) === true ? REDACTED : (this.member(items, String(index)) ?? null));
    if (length > MAX_MEMBERS) kept.push(this.#cut(`[cut: ${length - MAX_MEMBERS} more]`));
    return kept;
  }

  /** Items of arrays have no keys of their own, but a list of headers holds names before their values. */
  #hiddenItems(items: readonly unknown[]): ((index: number) => boolean) | undefined {
    const key = this.#path.at(-1);
    if (key === undefined || !HEADERS.test(key) || items.length % 2 !== 0) return undefined;
    return (index) => {
      const name: unknown = index % 2 === 1 ? items[index - 1] : undefined;
      return typeof name === 'string' && (this.#rules.of(name, this.#path) & REDACT) !== 0;
    };
  }

  #properties(source: object, kept: Record<string, unknown> = {}, skip?: ReadonlySet<string>): object {
    const keys = Object.keys(source);
    for (const key of keys.length > MAX_MEMBERS ? keys.slice(0, MAX_MEMBERS) : keys)
      if (!skip?.has(key)) this.#property(source, key, kept);
    if (keys.length > MAX_MEMBERS) kept['…'] = this.#cut(`[cut: ${keys.length - MAX_MEMBERS} more]`);
    return kept;
  }

  #property(source: object, key: string, kept: Record<string, unknown>): void {
    const name = this.text(key);
    const hidden = (this.#rules.of(key, this.#path) & REDACT) !== 0;
    this.#path.push(key);
    const value = hidden ? REDACTED : this.member(source, key);
    this.#path.pop();
    if (value === undefined) return;
    put(kept, name, value);
  }

  /** An error's own words first, then what it carries; `toJSON` is not asked, since it would leave the stack out. */
  #error(error: Error): object {
    const kept: Record<string, unknown> = {};
    for (const key of ERROR_KEYS) if (key in error) this.#property(error, key, kept);
    return this.#properties(error, kept, ERROR_KEY_SET);
  }
}

const ERROR_KEYS = ['name', 'message', 'code', 'stack', 'cause', 'errors'] as const;
const ERROR_KEY_SET: ReadonlySet<string> = new Set(ERROR_KEYS);
