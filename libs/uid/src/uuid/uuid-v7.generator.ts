import { randomFillSync } from 'node:crypto';
import { InfraError } from '@infra-kit/kernel';

const HEX = Array.from({ length: 4096 }, (_, value) => value.toString(16).padStart(3, '0'));
const HEX_DASH = HEX.map((text) => `${text}-`);
const VARIANT = ['8', '9', 'a', 'b'] as const;

const COUNTERS = 2 ** 26;
/** Half the counter's range, so that at least 2²⁵ ids fit behind any seed. */
const SEEDS = 2 ** 25;
const END_OF_TIME = 2 ** 48;
const WORDS_AN_ID = 3;
const IDS_A_FILL = 1024;

export interface UuidV7Start {
  readonly ms: number;
  readonly counter: number;
}

/**
 * UUID version 7 by RFC 9562 section 6.2, method 1: `unix_ts_ms` (48 bits), then a counter of 26 bits in `rand_a` and the
 * head of `rand_b`, then 48 fresh random bits. A new millisecond seeds the counter at random, its highest bit 0; a
 * millisecond that comes again, or a clock that went back, counts on; a full counter borrows the next millisecond.
 */
export class UuidV7Generator {
  readonly #fill: (words: Uint16Array) => void;
  readonly #words = new Uint16Array(WORDS_AN_ID * IDS_A_FILL);
  #used = this.#words.length;
  #ms: number;
  #counter: number;
  /** The text up to the last 12 bits of the counter. */
  #head = '';

  /** @param start the place after which to go on; default: before the first */
  constructor(
    fill: (words: Uint16Array) => void = randomFillSync,
    start: UuidV7Start = { ms: -1, counter: COUNTERS - 1 },
  ) {
    this.#fill = fill;
    this.#ms = start.ms;
    this.#counter = start.counter;
    if (start.ms >= 0) this.#writeHead();
  }

  next(nowMs: number): string {
    if (nowMs >= this.#ms + 1) this.#begin(Math.floor(nowMs));
    else this.#count();
    if (this.#used === this.#words.length) this.#refill();
    const words = this.#words;
    const first = words[this.#used++] ?? 0;
    const second = words[this.#used++] ?? 0;
    const third = words[this.#used++] ?? 0;
    const counter = HEX_DASH[this.#counter & 0xfff] ?? '';
    const high = HEX[first >>> 4] ?? '';
    const upper = HEX[((first & 0xf) << 8) | (second >>> 8)] ?? '';
    const lower = HEX[((second & 0xff) << 4) | (third >>> 12)] ?? '';
    const low = HEX[third & 0xfff] ?? '';
    return this.#head + (counter + high + upper + (lower + low));
  }

  #begin(ms: number): void {
    if (ms >= END_OF_TIME)
      throw new InfraError('RESOURCE_EXHAUSTED', `uid: ${ms} ms are beyond the 48 bits of a UUID version 7`, {
        component: 'uid',
        retryable: false,
      });
    this.#ms = ms;
    if (this.#used === this.#words.length) this.#refill();
    const upper = this.#words[this.#used++] ?? 0;
    const lower = this.#words[this.#used++] ?? 0;
    this.#used++;
    this.#counter = ((upper << 16) | lower) & (SEEDS - 1);
    this.#writeHead();
  }

  #count(): void {
    if (this.#counter + 1 === COUNTERS) return this.#begin(this.#ms + 1);
    this.#counter++;
    if ((this.#counter & 0xfff) === 0) this.#writeHead();
  }

  #refill(): void {
    this.#fill(this.#words);
    this.#used = 0;
  }

  #writeHead(): void {
    const time = this.#ms.toString(16).padStart(12, '0');
    const upper = this.#counter >>> 14;
    const variant = VARIANT[((this.#counter >>> 12) & 3) as 0 | 1 | 2 | 3];
    this.#head = `${time.slice(0, 8)}-${time.slice(8)}-7${HEX[upper] ?? ''}-${variant}`;
  }
}
