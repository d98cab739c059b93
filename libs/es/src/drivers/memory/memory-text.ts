import MiniSearch from 'minisearch';
import { tokensOf, type Token } from '../../operations/analysis.js';
import type { Fields } from '../../operations/fields.js';
import { isTextType } from '../../operations/fields.js';
import type { TextPlan, TextUnit, WeighedField } from '../es-driver.js';
import { editDistance } from './edit-distance.js';
import { valuesAt } from './memory-values.js';

/** Stands between the values of a list: no pair and no phrase reaches over it. */
const BETWEEN = '\u0000';

interface Indexed {
  readonly id: string;
  readonly source: unknown;
}

/** The terms of one text: words in lower case, single characters, and pairs of neighbouring ones. */
function termsOf(text: string): string[] {
  return text.split(BETWEEN).flatMap((part) => {
    const tokens = tokensOf(part);
    const pairs = tokens.flatMap((token, at) => {
      const next = tokens[at + 1];
      return token.single && next?.single ? [token.text + next.text] : [];
    });
    return [...tokens.map(({ text: term }) => term), ...pairs];
  });
}

/** How many letters may be wrong: Elasticsearch's AUTO. */
export function editsAllowed(term: string): number {
  const length = Array.from(term).length;
  return length < 3 ? 0 : length < 6 ? 1 : 2;
}

export function textsAt(source: unknown, field: string): string[] {
  return valuesAt(source, field).map((value) =>
    value instanceof Date ? value.toISOString() : String(value),
  );
}

/** Whether the words stand next to each other, in this order. Answers where they begin. */
export function phraseAt(tokens: readonly Token[], words: readonly Token[]): number[] {
  if (words.length === 0) return [];
  return tokens.flatMap((_, at) =>
    words.every((word, offset) => tokens[at + offset]?.text === word.text) ? [at] : [],
  );
}

/** The words of one index, kept by minisearch, which also weighs what it finds (BM25+). */
export class MemoryText {
  #fields: readonly string[] = [];
  #search: MiniSearch<Indexed> | undefined;

  put(document: Indexed, fields: Fields, all: () => Iterable<Indexed>): void {
    if (this.#search === undefined || fields.text.some((name) => !this.#fields.includes(name))) {
      this.#rebuild(fields.text, all());
      return;
    }
    if (this.#search.has(document.id)) this.#search.replace(document);
    else this.#search.add(document);
  }

  remove(id: string): void {
    if (this.#search?.has(id)) this.#search.discard(id);
  }

  /** Documents that match, with their scores. */
  find(plan: TextPlan, fields: Fields, all: readonly Indexed[]): Map<string, number> {
    if (plan.need === 'phrase') return this.#phrase(plan, fields, all);
    const found = plan.units.map((unit) => this.#unit(unit, plan.fields, fields, all));
    const [first = new Map<string, number>(), ...others] = found;
    if (plan.need === 'any') {
      for (const other of others)
        for (const [id, score] of other) first.set(id, (first.get(id) ?? 0) + score);
      return first;
    }
    const inAll = [...first].filter(([id]) => others.every((other) => other.has(id)));
    return new Map(
      inAll.map(([id, score]) => [id, others.reduce((sum, other) => sum + (other.get(id) ?? 0), score)]),
    );
  }

  #rebuild(names: readonly string[], documents: Iterable<Indexed>): void {
    this.#fields = names;
    this.#search = new MiniSearch<Indexed>({
      fields: [...names],
      extractField: (document, name) =>
        name === 'id' ? document.id : textsAt(document.source, name).join(BETWEEN),
      tokenize: termsOf,
      processTerm: (term) => term,
    });
    this.#search.addAll([...documents]);
  }

  #unit(
    unit: TextUnit,
    weighed: readonly WeighedField[],
    fields: Fields,
    all: readonly Indexed[],
  ): Map<string, number> {
    const inText = weighed.filter(
      ({ name }) => isTextType(fields.typeOf(name) ?? '') && this.#fields.includes(name),
    );
    const found = inText.length === 0 ? new Map<string, number>() : this.#words(unit, inText);
    const others = weighed.filter(({ name }) => {
      const type = fields.typeOf(name);
      return type !== undefined && !isTextType(type);
    });
    for (const { name, boost } of others)
      for (const { id, source } of all)
        if (textsAt(source, name).some((value) => isSame(value, unit)))
          found.set(id, (found.get(id) ?? 0) + boost);
    return found;
  }

  #words({ text, how }: TextUnit, weighed: readonly WeighedField[]): Map<string, number> {
    const term = text.toLowerCase();
    const allowed = how === 'fuzzy' ? editsAllowed(term) : 0;
    const results =
      this.#search?.search(term, {
        fields: weighed.map(({ name }) => name),
        boost: Object.fromEntries(weighed.map(({ name, boost }) => [name, boost])),
        tokenize: (whole) => [whole],
        prefix: how === 'prefix',
        // two letters that changed places are two edits here and one for Elasticsearch: more is found, then looked at
        fuzzy: allowed === 0 ? false : allowed + 1,
      }) ?? [];
    const fits = (found: string): boolean =>
      how === 'prefix' ? found.startsWith(term) : editDistance(term, found) <= allowed;
    return new Map(
      results.flatMap(({ id, score, match }) =>
        Object.keys(match).some(fits) ? [[String(id), score] as const] : [],
      ),
    );
  }

  #phrase(
    { units, fields: weighed }: TextPlan,
    fields: Fields,
    all: readonly Indexed[],
  ): Map<string, number> {
    const whole = units[0]?.text ?? '';
    const words = tokensOf(whole);
    const found = new Map<string, number>();
    for (const { id, source } of all) {
      let score = 0;
      for (const { name, boost } of weighed) {
        const isText = isTextType(fields.typeOf(name) ?? '');
        const times = textsAt(source, name).reduce(
          (sum, value) => sum + (isText ? phraseAt(tokensOf(value), words).length : Number(value === whole)),
          0,
        );
        score += times * boost;
      }
      if (score > 0) found.set(id, score);
    }
    return found;
  }
}

/** Fields that are not split into words are compared whole. */
function isSame(value: string, { text, how }: TextUnit): boolean {
  if (how === 'prefix') return value.startsWith(text);
  return how === 'fuzzy' ? editDistance(value, text) <= editsAllowed(text) : value === text;
}
