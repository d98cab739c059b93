import type { Attributes } from '@opentelemetry/api';

const OTHER = 'other';

/** One text for one label set, in the order in which it was written: cheap, and enough to know it again. */
function keyOf(labels: Attributes): string {
  let key = '';
  for (const name in labels) key += `${name}\u0000${String(labels[name])}\u0001`;
  return key;
}

const sortedKeyOf = (labels: Attributes): string =>
  Object.keys(labels)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => `${name}\u0000${String(labels[name])}\u0001`)
    .join('');

export interface LabelRule {
  /** Series there may be; one more holds the rest. */
  readonly max: number;
  /** Labels that stay; undefined: all. */
  readonly keep: readonly string[] | undefined;
}

/**
 * Bounds the series of one instrument for its whole life: the first `max` label sets stay themselves, every other becomes one,
 * with the value `other` under the labels of the first that was too many. The SDK's own bound begins anew with each collection,
 * so that a flood goes past it.
 */
export class LabelBound {
  readonly #max: number;
  readonly #keep: readonly string[] | undefined;
  readonly #series = new Set<string>();
  /** The same in the orders in which callers write them; bounded. */
  readonly #seen = new Set<string>();
  #other: Attributes | undefined;

  constructor({ max, keep }: LabelRule) {
    this.#max = max;
    this.#keep = keep;
  }

  /** The label set under which to record. */
  of(given: Attributes | undefined): Attributes {
    const labels = this.#kept(given ?? {});
    const key = keyOf(labels);
    if (this.#seen.has(key)) return labels;
    const series = sortedKeyOf(labels);
    if (!this.#series.has(series)) {
      if (this.#series.size >= this.#max) return (this.#other ??= otherOf(labels));
      this.#series.add(series);
    }
    if (this.#seen.size < 4 * this.#max) this.#seen.add(key);
    return labels;
  }

  /** Whether `labels`, of `of`, is the one series for everything beyond the bound. */
  isOther(labels: Attributes): boolean {
    return labels === this.#other;
  }

  #kept(labels: Attributes): Attributes {
    if (this.#keep === undefined) return labels;
    const kept: Attributes = {};
    for (const name of this.#keep) if (labels[name] !== undefined) kept[name] = labels[name];
    return kept;
  }
}

const otherOf = (labels: Attributes): Attributes =>
  Object.freeze(Object.fromEntries(Object.keys(labels).map((name) => [name, OTHER])));
