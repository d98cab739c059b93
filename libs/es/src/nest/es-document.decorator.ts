import 'reflect-metadata';
import type { FieldMapping, FieldMappings, IndexDefinition, IndexSpec } from '../es.types.js';

const DOCUMENT = Symbol('infra-kit:es:document');
const FIELDS = Symbol('infra-kit:es:fields');

export interface EsDocumentOptions {
  readonly index: string;
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  readonly aliases?: Readonly<Record<string, object>> | undefined;
}
/** Elasticsearch's own options of a field, or the class of an inner object. */
export type EsFieldOptions = FieldMapping & {
  /** Fields of an inner object, from a class with `@EsField`s. */
  readonly of?: (() => abstract new (...args: never[]) => object) | undefined;
};

type DocumentClass = abstract new (...args: never[]) => object;

/** Names the index of a class: what `ensure` and `reindexInto` take. */
export function EsDocument(options: EsDocumentOptions): ClassDecorator {
  return (target) => Reflect.defineMetadata(DOCUMENT, options, target);
}

/** How a property is kept. Without a type: text with a keyword part for texts, double, boolean and date for the others. */
export function EsField(options: EsFieldOptions = {}): PropertyDecorator {
  return (prototype, property) => {
    const { of, ...given } = options;
    const declared: unknown = Reflect.getMetadata('design:type', prototype, property);
    const inherited = (Reflect.getMetadata(FIELDS, prototype) ?? []) as readonly FieldEntry[];
    const entry = { name: String(property), given, of, declared };
    Reflect.defineMetadata(FIELDS, [...inherited, entry], prototype);
  };
}

interface FieldEntry {
  readonly name: string;
  readonly given: FieldMapping;
  readonly of: EsFieldOptions['of'];
  readonly declared: unknown;
}

const BY_TYPE: ReadonlyMap<unknown, FieldMapping> = new Map<unknown, FieldMapping>([
  [String, { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 256 } } }],
  [Number, { type: 'double' }],
  [Boolean, { type: 'boolean' }],
  [Date, { type: 'date' }],
]);

function mappingOf({ name, given, of, declared }: FieldEntry, who: string): FieldMapping {
  if (of !== undefined) return { ...given, properties: fieldsOf(of()) };
  if (given.type !== undefined || given.properties !== undefined) return given;
  const known = BY_TYPE.get(declared);
  if (known === undefined) throw new TypeError(`@EsField of ${who}.${name} needs a type, or of: () => Class`);
  return { ...known, ...given };
}

function fieldsOf(target: DocumentClass): FieldMappings {
  const entries = (Reflect.getMetadata(FIELDS, target.prototype as object) ?? []) as readonly FieldEntry[];
  return Object.fromEntries(entries.map((entry) => [entry.name, mappingOf(entry, target.name)]));
}

/** A definition in plain data; undefined for a class without `@EsDocument`. */
export function specOf(definition: IndexDefinition): IndexSpec | undefined {
  if (typeof definition !== 'function') return definition;
  const options = Reflect.getMetadata(DOCUMENT, definition) as EsDocumentOptions | undefined;
  return options && { ...options, mappings: { properties: fieldsOf(definition) } };
}
