import type { FieldMapping, FieldMappings, IndexMappings } from '../../es.types.js';
import { fieldOf, isNumericType } from '../../operations/fields.js';
import { EsRefusal } from '../es-refusal.js';

/** Text that Elasticsearch takes for a date when it meets a field for the first time. */
const DATE =
  /^\d{4}(-\d{2}(-\d{2}(T\d{2}(:\d{2}(:\d{2}([.,]\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?$|^\d{4}\/\d{2}\/\d{2}( \d{2}:\d{2}:\d{2})?$/;
const LONGEST_KEYWORD = 256;

type Properties = Record<string, FieldMapping>;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The mapping of one index: grows with its documents, and refuses what does not fit, as Elasticsearch's does. */
export class MemoryMapping {
  readonly #dynamic: IndexMappings['dynamic'];
  #properties: Properties;

  constructor({ properties = {}, dynamic = true }: IndexMappings) {
    this.#properties = structuredClone(properties) as Properties;
    this.#dynamic = dynamic;
  }

  get properties(): FieldMappings {
    return this.#properties;
  }

  add(properties: FieldMappings): void {
    this.#properties = merged(this.#properties, properties, '');
  }

  /** Takes a document's fields in. INVALID_ARGUMENT, naming the field, when one does not fit; nothing is changed then. */
  take(source: object): void {
    const next = structuredClone(this.#properties);
    this.#takeObject(source as Record<string, unknown>, next, '');
    this.#properties = next;
  }

  #takeObject(source: Record<string, unknown>, properties: Properties, prefix: string): void {
    for (const [name, value] of Object.entries(source))
      for (const each of Array.isArray(value) ? (value.flat(Infinity) as unknown[]) : [value])
        if (each !== null && each !== undefined) this.#takeValue(name, each, properties, prefix + name);
  }

  #takeValue(name: string, value: unknown, properties: Properties, path: string): void {
    const known = fieldOf(properties, name);
    if (known === undefined) {
      if (this.#dynamic === 'strict')
        throw new EsRefusal(
          'INVALID_ARGUMENT',
          `strict_dynamic_mapping_exception: introduction of [${path}] is not allowed`,
        );
      if (this.#dynamic === false || String(this.#dynamic) === 'false') return;
      properties[name] = dynamicField(value);
    }
    const field = fieldOf(properties, name) ?? {};
    if (isObject(value) && !(value instanceof Date)) {
      if (field.properties === undefined && field.type !== 'object' && field.type !== 'nested') {
        if (field.type === 'flattened' || field.type === 'object') return;
        throw misfit(path, field.type, 'an object');
      }
      const inner = (field.properties ?? {}) as Properties;
      this.#takeObject(value, inner, `${path}.`);
      properties[name] = { ...field, properties: inner };
      return;
    }
    const problem = valueProblem(value, field);
    if (problem !== undefined) throw misfit(path, field.type, problem);
  }
}

function misfit(path: string, type: string | undefined, got: string): EsRefusal {
  return new EsRefusal(
    'INVALID_ARGUMENT',
    `document_parsing_exception: failed to parse field [${path}] of type [${type ?? 'object'}], got ${got}`,
  );
}

function valueProblem(value: unknown, { type, properties }: FieldMapping): string | undefined {
  if (properties !== undefined || type === 'object') return 'a plain value';
  const text = value instanceof Date ? value.toISOString() : String(value);
  if (type !== undefined && isNumericType(type))
    return typeof value === 'boolean' || text.trim() === '' || !Number.isFinite(Number(value))
      ? JSON.stringify(text)
      : undefined;
  if (type === 'boolean') return ['true', 'false', ''].includes(text) ? undefined : JSON.stringify(text);
  if (type === 'date')
    return typeof value === 'number' || !Number.isNaN(Date.parse(text)) ? undefined : JSON.stringify(text);
  return undefined;
}

/** The kind a field gets from the first value it is seen with. */
function dynamicField(value: unknown): FieldMapping {
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'long' : 'float' };
  if (typeof value === 'boolean') return { type: 'boolean' };
  if (value instanceof Date || (typeof value === 'string' && DATE.test(value))) return { type: 'date' };
  if (isObject(value)) return { properties: {} };
  return { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: LONGEST_KEYWORD } } };
}

function merged(known: Properties, added: FieldMappings, prefix: string): Properties {
  const result = { ...known };
  for (const [name, field] of Object.entries(added)) {
    const before = fieldOf(result, name);
    if (before?.properties && field.properties) {
      const properties = merged(before.properties as Properties, field.properties, `${prefix}${name}.`);
      result[name] = { ...before, properties };
    } else if (before !== undefined && before.type !== field.type) {
      throw new EsRefusal(
        'INVALID_ARGUMENT',
        `mapper [${prefix}${name}] cannot be changed from type [${before.type}] to [${field.type}]`,
      );
    } else result[name] = structuredClone(field);
  }
  return result;
}
