import type { FilterPlan } from '../drivers/es-driver.js';
import { invalidArgument, shown, type EsPlace } from '../es.errors.js';
import type { Filter, FilterValue, RangeBound } from '../es.types.js';
import { isNumericType, type Fields } from './fields.js';

const DEEPEST = 20;
const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const;
/** Elasticsearch's own limit unless an index sets another. */
const MOST_VALUES = 65_536;
const KINDS = ['term', 'terms', 'range', 'exists', 'not', 'any'];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Checks filters and puts exact fields in the place of text fields. */
export class FilterCompiler {
  readonly #place: EsPlace;
  readonly #fields: Fields;

  constructor(place: EsPlace, fields: Fields) {
    this.#place = place;
    this.#fields = fields;
  }

  compile(filter: Filter, at: string, depth = 0): FilterPlan {
    const kinds = isObject(filter) ? Object.keys(filter) : [];
    if (kinds.length !== 1 || !KINDS.includes(kinds[0] ?? '') || depth > DEEPEST)
      throw this.#bad(
        `${at} must be one of ${KINDS.join(', ')}, at most ${DEEPEST} deep, got ${kinds.join(' and ') || shown(filter)}`,
      );
    if ('term' in filter) {
      const { field, value } = filter.term;
      return this.#terms(field, [value], `${at}.term`);
    }
    if ('terms' in filter) {
      const { field, values } = filter.terms;
      if (!Array.isArray(values)) throw this.#bad(`${at}.terms.values must be a list, got ${shown(values)}`);
      return this.#terms(field, values as readonly FilterValue[], `${at}.terms`);
    }
    if ('range' in filter) return this.#range(filter.range, `${at}.range`);
    if ('exists' in filter)
      return { kind: 'exists', field: this.#name(filter.exists.field, `${at}.exists.field`) };
    if ('not' in filter) return { kind: 'not', filter: this.compile(filter.not, `${at}.not`, depth + 1) };
    if (!Array.isArray(filter.any)) throw this.#bad(`${at}.any must be a list, got ${shown(filter.any)}`);
    const filters = filter.any.map((each: Filter, index) =>
      this.compile(each, `${at}.any[${index}]`, depth + 1),
    );
    return { kind: 'any', filters };
  }

  /** The path under which a field is compared, ordered and counted. INVALID_ARGUMENT for text that has no such part. */
  exact(field: unknown, at: string): string {
    const name = this.#name(field, at);
    const exact = this.#fields.exact(name);
    if (exact === undefined)
      throw this.#bad(
        `${at}: '${name}' is a text field; it needs a keyword part, or to be a keyword field itself`,
      );
    return exact;
  }

  /** As `exact`, for a field whose values are numbers, dates or booleans. */
  measurable(field: unknown, at: string): string {
    const name = this.exact(field, `${at}.field`);
    if (this.#fields.typeOf(name) === 'keyword') throw this.#bad(`${at}: '${name}' is keyword, not a number`);
    return name;
  }

  #name(field: unknown, at: string): string {
    if (typeof field === 'string' && field !== '' && !field.includes('*')) return field;
    throw this.#bad(`${at} must name a field, got ${shown(field)}`);
  }

  #terms(field: string, values: readonly FilterValue[], at: string): FilterPlan {
    const exact = this.exact(field, `${at}.field`);
    if (values.length > MOST_VALUES)
      throw this.#bad(`${at}.values of '${field}' must be at most ${MOST_VALUES}, got ${values.length}`);
    for (const value of values) {
      if (!['string', 'number', 'boolean'].includes(typeof value))
        throw this.#bad(
          `${at}: the value of '${field}' must be text, number or boolean, got ${shown(value)}`,
        );
      this.#checkType(exact, value, at);
    }
    return { kind: 'terms', field: exact, values };
  }

  #range(range: Extract<Filter, { range: unknown }>['range'], at: string): FilterPlan {
    const field = this.exact(range.field, `${at}.field`);
    const bounds: Partial<Record<(typeof BOUNDS)[number], string | number>> = {};
    for (const bound of BOUNDS) {
      const value: RangeBound | undefined = range[bound];
      if (value === undefined) continue;
      bounds[bound] = this.#bound(field, value, `${at}.${bound}`);
    }
    if (Object.keys(bounds).length === 0) throw this.#bad(`${at} of '${field}' needs gt, gte, lt or lte`);
    return { kind: 'range', field, bounds };
  }

  #bound(field: string, value: RangeBound, at: string): string | number {
    const plain = value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
    if (typeof plain !== 'string' && typeof plain !== 'number')
      throw this.#bad(`${at} of '${field}' must be a number, text or valid Date, got ${shown(value)}`);
    this.#checkType(field, plain, at);
    return plain;
  }

  /** What the cluster would refuse, with a sentence that names the field. */
  #checkType(field: string, value: FilterValue, at: string): void {
    const type = this.#fields.typeOf(field) ?? '';
    const wanted = this.#misfit(type, value);
    if (wanted !== undefined)
      throw this.#bad(
        `${at}: '${field}' is ${type || 'not mapped'}, the value must be ${wanted}, got ${shown(value)}`,
      );
  }

  #misfit(type: string, value: FilterValue): string | undefined {
    if (typeof value === 'number' && !Number.isFinite(value)) return 'a finite number';
    if (isNumericType(type))
      return typeof value === 'boolean' || String(value).trim() === '' || !Number.isFinite(Number(value))
        ? 'a number'
        : undefined;
    if (type === 'boolean') return ['true', 'false'].includes(String(value)) ? undefined : 'true or false';
    if (type === 'date')
      return typeof value === 'number' || !Number.isNaN(Date.parse(String(value)))
        ? undefined
        : 'an ISO 8601 text or epoch milliseconds';
    return undefined;
  }

  #bad(what: string): Error {
    return invalidArgument(this.#place, what);
  }
}
