export interface Placed {
  readonly bytes: string;
  readonly score: number;
}

const compare = (a: Placed, b: Placed): number =>
  a.score - b.score || (a.bytes < b.bytes ? -1 : a.bytes > b.bytes ? 1 : 0);

/** Members in the order of their scores, then of their bytes: one sorted list, searched by halving. */
export class SortedMembers {
  readonly #scores = new Map<string, number>();
  readonly #order: Placed[] = [];

  get size(): number {
    return this.#order.length;
  }

  score(bytes: string): number | undefined {
    return this.#scores.get(bytes);
  }

  /** True when the member is new. */
  set(bytes: string, score: number): boolean {
    const isNew = !this.delete(bytes);
    const placed = { bytes, score };
    this.#order.splice(this.#place(placed), 0, placed);
    this.#scores.set(bytes, score);
    return isNew;
  }

  delete(bytes: string): boolean {
    const rank = this.rank(bytes);
    if (rank === undefined) return false;
    this.#order.splice(rank, 1);
    return this.#scores.delete(bytes);
  }

  rank(bytes: string): number | undefined {
    const score = this.#scores.get(bytes);
    return score === undefined ? undefined : this.#place({ bytes, score });
  }

  /** How many scores are below `score`, or not above it. */
  below(score: number, orEqual = false): number {
    return this.#count((each) => each.score < score || (orEqual && each.score === score));
  }

  /** From place `from` up to, and without, place `end`. */
  slice(from: number, end: number): Placed[] {
    return this.#order.slice(from, Math.max(from, end));
  }

  #place(placed: Placed): number {
    return this.#count((each) => compare(each, placed) < 0);
  }

  /** The length of the stretch at the beginning for which `holds` is true. */
  #count(holds: (each: Placed) => boolean): number {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const each = this.#order[middle];
      if (each !== undefined && holds(each)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
