import type { IndexBody, SortValue } from '../../es.types.js';
import { Fields } from '../../operations/fields.js';
import type { FoundHit, SearchPlan, StoredDocument } from '../es-driver.js';
import { highlightsOf } from './memory-highlight.js';
import { compareSorted, passes, sortValue } from './memory-filter.js';
import { MemoryMapping } from './memory-mapping.js';
import { MemoryText } from './memory-text.js';

export interface MemoryDocument {
  readonly id: string;
  readonly source: unknown;
  readonly version: number;
  readonly seqNo: number;
  readonly routing: string | undefined;
}

export interface Match {
  readonly document: MemoryDocument;
  readonly score: number;
  readonly sort: readonly SortValue[];
}

export const PRIMARY_TERM = 1;

/** One index: its documents, their words, its mapping and the names it has. */
export class MemoryIndex {
  readonly name: string;
  readonly hidden: boolean;
  readonly aliases: Set<string>;
  readonly mapping: MemoryMapping;
  readonly #documents = new Map<string, MemoryDocument>();
  readonly #text = new MemoryText();
  #fields: Fields;
  #seqNo = 0;

  constructor(
    name: string,
    { mappings = {}, aliases = {}, hidden }: IndexBody & { readonly hidden: boolean },
  ) {
    this.name = name;
    this.hidden = hidden;
    this.aliases = new Set(Object.keys(aliases));
    this.mapping = new MemoryMapping(mappings);
    this.#fields = new Fields([this.mapping.properties]);
  }

  get size(): number {
    return this.#documents.size;
  }

  get fields(): Fields {
    return this.#fields;
  }

  get(id: string): MemoryDocument | undefined {
    return this.#documents.get(id);
  }

  addFields(properties: Parameters<MemoryMapping['add']>[0]): void {
    this.mapping.add(properties);
    this.#fields = new Fields([this.mapping.properties]);
  }

  /** Throws, naming the field, for a document that does not fit the mapping. */
  put(
    id: string,
    source: object,
    { version, routing }: { version?: number | undefined; routing?: string | undefined },
  ): MemoryDocument {
    this.mapping.take(source);
    this.#fields = new Fields([this.mapping.properties]);
    const before = this.#documents.get(id);
    const document = {
      id,
      source,
      routing,
      seqNo: this.#seqNo++,
      version: version ?? (before?.version ?? 0) + 1,
    };
    this.#documents.set(id, document);
    this.#text.put(document, this.#fields, () => this.#documents.values());
    return document;
  }

  delete(id: string): boolean {
    if (!this.#documents.delete(id)) return false;
    this.#seqNo++;
    this.#text.remove(id);
    return true;
  }

  /** Everything that matches, unordered. */
  find({ text, filters, sort }: SearchPlan): Match[] {
    const documents = [...this.#documents.values()];
    const scores = text && this.#text.find(text, this.#fields, documents);
    const found = scores ? documents.filter(({ id }) => scores.has(id)) : documents;
    return found
      .filter(({ source }) => filters.every((filter) => passes(filter, source, this.#fields)))
      .map((document) => {
        const score = scores?.get(document.id) ?? (filters.length > 0 ? 0 : 1);
        const sorted = sort.map((each) =>
          each.field === '_score' ? score : sortValue(document.source, each, this.#fields),
        );
        return { document, score, sort: sorted };
      });
  }

  hit({ document, score, sort }: Match, plan: SearchPlan): FoundHit {
    const sorted = plan.sort.length > 0;
    return {
      ...this.stored(document, plan.source),
      score: sorted && !plan.sort.some(({ field }) => field === '_score') ? null : score,
      sort: sorted ? sort : undefined,
      highlights: plan.highlight && highlightsOf(document.source, plan.text, plan.highlight),
    };
  }

  /** Copies: what a caller does to a hit does not reach the index. */
  stored({ id, source, seqNo, routing }: MemoryDocument, includes?: readonly string[]): StoredDocument {
    const whole: unknown = JSON.parse(JSON.stringify(source));
    const kept = includes === undefined ? whole : pick(whole, includes);
    return { id, index: this.name, source: kept, seqNo, primaryTerm: PRIMARY_TERM, routing };
  }
}

/** Best first where nothing else is asked for. */
export function byPlan({ sort }: SearchPlan): (a: Match, b: Match) => number {
  return sort.length > 0 ? (a, b) => compareSorted(sort, a.sort, b.sort) : (a, b) => b.score - a.score;
}

function pick(source: unknown, includes: readonly string[]): unknown {
  const patterns = includes.map(
    (include) =>
      new RegExp(
        `^${include
          .split('*')
          .map((part) => escaped(part))
          .join('.*')}(\\.|$)`,
      ),
  );
  const copy = (value: unknown, path: string): unknown => {
    if (patterns.some((pattern) => pattern.test(path))) return value;
    if (Array.isArray(value)) {
      const kept = value.map((each: unknown) => copy(each, path)).filter((each) => each !== undefined);
      return kept.length === 0 ? undefined : kept;
    }
    if (typeof value !== 'object' || value === null) return undefined;
    const kept = Object.entries(value).flatMap(([name, member]) => {
      const inner = copy(member, path === '' ? name : `${path}.${name}`);
      return inner === undefined ? [] : [[name, inner] as const];
    });
    return kept.length === 0 && path !== '' ? undefined : Object.fromEntries(kept);
  };
  return copy(source, '');
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
