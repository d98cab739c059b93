export interface BurstLimits {
  /** Identical messages a second that are written in the long run. */
  readonly perSecond: number;
  /** Identical messages written at once before that rate counts. */
  readonly first: number;
}

/** What was left out of one kind of message. */
export interface LeftOut<K> {
  readonly kind: K;
  readonly count: number;
}

interface Bucket<K> {
  readonly kind: K;
  /** Theoretical arrival time, in milliseconds of the caller's clock. */
  due: number;
  leftOut: number;
}

/**
 * A rate for each kind of message: GCRA (ITU-T I.371), one number a kind and no timers. Bounded: beyond `capacity` kinds
 * the one unused for longest is forgotten, its sum handed out first.
 */
export class BurstLimiter<K> {
  readonly #buckets = new Map<string, Bucket<K>>();
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  readonly #capacity: number;
  #evicted: LeftOut<K>[] = [];

  constructor(limits: BurstLimits, capacity = 1000) {
    this.#intervalMs = 1000 / limits.perSecond;
    this.#toleranceMs = this.#intervalMs * (limits.first - 1);
    this.#capacity = capacity;
  }

  /** Whether a message of that key may be written at `now` (milliseconds that only rise); counts it when not. */
  admits(key: string, now: number, kind: () => K): boolean {
    const bucket = this.#bucket(key, now, kind);
    const due = Math.max(bucket.due, now);
    // a millionth of a millisecond forgives the rounding of 1000 / perSecond
    if (due - now > this.#toleranceMs + 1e-6) {
      bucket.leftOut++;
      return false;
    }
    bucket.due = due + this.#intervalMs;
    return true;
  }

  /** Sums since the last call, of kinds of which something was left out. */
  drain(): readonly LeftOut<K>[] {
    const sums = this.#evicted;
    this.#evicted = [];
    for (const bucket of this.#buckets.values()) {
      if (bucket.leftOut > 0) sums.push({ kind: bucket.kind, count: bucket.leftOut });
      bucket.leftOut = 0;
    }
    return sums;
  }

  #bucket(key: string, now: number, kind: () => K): Bucket<K> {
    const present = this.#buckets.get(key);
    const bucket = present ?? { kind: kind(), due: now, leftOut: 0 };
    if (present !== undefined) this.#buckets.delete(key);
    else if (this.#buckets.size >= this.#capacity) this.#evict();
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #evict(): void {
    const [oldest] = this.#buckets;
    if (oldest === undefined) return;
    const [key, { kind, leftOut }] = oldest;
    this.#buckets.delete(key);
    if (leftOut > 0) this.#evicted.push({ kind, count: leftOut });
  }
}
