import { httpSummary } from './http-values.js';
import { isError } from './is-error.js';
import { KEEP, KeyRules, MOVE, REDACT, REDACTED } from './key-rules.js';
import { MAX_MEMBERS, put, unreadable, ValueWalk } from './value-walk.js';

/** A line as pino gets it: plain data alone. */
export type LineFields = Record<string, unknown>;

const NO_PARENTS: readonly string[] = [];
/** Shorter strings are kept without counting. */
const SHORT_TEXT = 1024;

function readField(source: Readonly<LineFields>, key: string): unknown {
  try {
    return source[key];
  } catch (error) {
    return unreadable(error);
  }
}

/** What was passed as fields, as an object of fields: an error is `err`, anything that has no names goes under `fields`. */
function asFields(given: unknown): Readonly<LineFields> {
  if (isError(given)) return { err: given };
  if (!isNamed(given)) return { fields: given };
  const http = httpSummary(given);
  if (http !== undefined) return http;
  const toJSON = readField(given, 'toJSON');
  if (typeof toJSON !== 'function') return given;
  const said: unknown = Reflect.apply(toJSON, given, []);
  return isNamed(said) ? said : { fields: said };
}

function isNamed(value: unknown): value is Readonly<LineFields> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function addMoved(line: LineFields, moved: LineFields): void {
  const present = line['fields'];
  const kept = isNamed(present) ? present : present === undefined ? {} : { fields: present };
  line['fields'] = { ...kept, ...moved };
}

/** Copies a caller's fields into a line: see ValueWalk. Never throws. */
export class FieldCopier {
  readonly #rules: KeyRules;

  constructor(rules: KeyRules) {
    this.#rules = rules;
  }

  /** Adds `given` to `line`, all but the key `except`; returns how often something was cut. */
  into(line: LineFields, given: object, except?: string): number {
    try {
      return this.#copy(line, asFields(given), except);
    } catch (error) {
      line['fields'] = unreadable(error);
      return 0;
    }
  }

  /** One value as text, for a message that is not a string. */
  text(value: unknown): string {
    const plain = new ValueWalk(this.#rules).field('', value);
    return typeof plain === 'string' ? plain : (JSON.stringify(plain) ?? 'undefined');
  }

  #copy(line: LineFields, fields: Readonly<LineFields>, except: string | undefined): number {
    const rules = this.#rules;
    let walk: ValueWalk | undefined;
    let moved: LineFields | undefined;
    let left = MAX_MEMBERS;
    for (const key in fields) {
      if (!Object.hasOwn(fields, key) || key === except) continue;
      let value = readField(fields, key);
      if (value === undefined) continue;
      if (left-- === 0) {
        line['…'] = `[cut: more than ${MAX_MEMBERS} fields]`;
        return (walk?.cuts ?? 0) + 1;
      }
      const bits = rules.of(key, NO_PARENTS);
      if ((bits & REDACT) !== 0) value = REDACTED;
      else if (typeof value === 'string' ? value.length > SHORT_TEXT : isComplex(value))
        value = (walk ??= new ValueWalk(rules)).field(key, value);
      if (key.length > SHORT_TEXT) line[(walk ??= new ValueWalk(rules)).text(key)] = value;
      else if (bits === KEEP || (bits & MOVE) === 0) line[key] = value;
      else put((moved ??= {}), key, value);
    }
    if (moved !== undefined) addMoved(line, moved);
    return walk?.cuts ?? 0;
  }
}

const isComplex = (value: unknown): boolean => typeof value !== 'number' && typeof value !== 'boolean';
