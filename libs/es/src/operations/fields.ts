import type { FieldMapping, FieldMappings } from '../es.types.js';

const TEXT: ReadonlySet<string> = new Set(['text', 'match_only_text', 'search_as_you_type']);
const NUMERIC: ReadonlySet<string> = new Set([
  'long',
  'integer',
  'short',
  'byte',
  'double',
  'float',
  'half_float',
  'scaled_float',
  'unsigned_long',
]);

/** A field by its name, which may be one that every object has, such as `constructor`. */
export const fieldOf = (fields: FieldMappings, name: string): FieldMapping | undefined =>
  Object.hasOwn(fields, name) ? fields[name] : undefined;
export const isTextType = (type: string): boolean => TEXT.has(type);
export const isNumericType = (type: string): boolean => NUMERIC.has(type);

/** The fields of one or several indices by their path, parts of a field (`title.keyword`) among them. */
export class Fields {
  readonly #types = new Map<string, string>();
  /** Parts that keep the whole value of a text field: path of the field → path of the part. */
  readonly #exact = new Map<string, string>();
  /** Every path that may hold other fields. */
  readonly #paths = new Set<string>();

  constructor(mappings: readonly FieldMappings[]) {
    for (const properties of mappings) this.#read(properties, '');
  }

  typeOf(path: string): string | undefined {
    return this.#types.get(path);
  }

  /** Where exact comparison, order and counting work for a field; undefined: it is text and keeps no such part. */
  exact(path: string): string | undefined {
    const type = this.#types.get(path);
    return type !== undefined && isTextType(type) ? this.#exact.get(path) : path;
  }

  get text(): string[] {
    return [...this.#types].flatMap(([path, type]) => (isTextType(type) ? [path] : []));
  }

  /** Whether a document brings no text under a path that is not known. */
  covers(doc: object, path = ''): boolean {
    return Object.entries(doc).every(([key, value]) => {
      const at = path + key;
      if (typeof value === 'string') return this.#paths.has(at);
      if (typeof value !== 'object' || value === null) return true;
      if (!this.#paths.has(at)) return false;
      return Array.isArray(value) || this.covers(value as object, `${at}.`);
    });
  }

  #read(properties: FieldMappings, prefix: string): void {
    for (const [name, field] of Object.entries(properties)) {
      const path = prefix + name;
      this.#paths.add(path);
      if (field.type !== undefined && field.type !== 'object' && field.type !== 'nested')
        this.#add(path, field.type);
      // what is in a nested object is out of the typed subset's reach
      if (field.properties !== undefined && field.type !== 'nested') this.#read(field.properties, `${path}.`);
      for (const [part, { type = '' }] of Object.entries(field.fields ?? {})) {
        if (isTextType(type)) continue;
        this.#add(`${path}.${part}`, type);
        if (type === 'keyword' && !this.#exact.has(path)) this.#exact.set(path, `${path}.${part}`);
      }
    }
  }

  /** Where indices differ, text wins: it is what a search by words can use. */
  #add(path: string, type: string): void {
    const known = this.#types.get(path);
    if (known === undefined || isTextType(type)) this.#types.set(path, type);
  }
}
