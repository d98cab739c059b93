import { hash } from 'node:crypto';

/**
 * The arithmetic of a Bloom filter (B. Bloom, CACM 13, 1970), fixed for good: filters outlive releases.
 *
 * - For n items at error rate p: m = ⌈-n ln p / (ln 2)²⌉ bits, k = round(m/n · ln 2) positions an item, at least 1.
 * - An item is known by 128 bits of the SHA-256 of its encoded bytes, in 32 hex digits.
 * - Position i is read from SHA-1(digest ‖ ⌊i/3⌋): the hex digits 12·(i mod 3) … +12, a 48-bit number, modulo m. So all
 *   positions are independent; double hashing would leave small filters of low error rate short of their promise.
 * - One entry holds it all: 64 bytes of text (`bloom1 k m n p`, filled up with blanks), then the bits.
 */
export interface BloomShape {
  readonly positions: number;
  readonly bits: number;
  readonly capacity: number;
  readonly errorRate: number;
}

export const HEAD_BYTES = 64;
const HEAD = /^bloom1 (\d+) (\d+) (\S*) ?(\S*)/;
const LN2 = Math.LN2;
/** A string of Redis has at most 512 MiB. */
const MAX_BITS = 2 ** 32 - HEAD_BYTES * 8;

/** The shape for n items at error rate p; undefined where it would be larger than a string of Redis. */
export function bloomShape(capacity: number, errorRate: number): BloomShape | undefined {
  const bits = Math.ceil((-capacity * Math.log(errorRate)) / (LN2 * LN2));
  if (bits > MAX_BITS) return undefined;
  return { positions: Math.max(1, Math.round((bits / capacity) * LN2)), bits, capacity, errorRate };
}

export function bloomBytes({ bits }: BloomShape): number {
  return HEAD_BYTES + Math.ceil(bits / 8);
}

export function bloomHead({ positions, bits, capacity, errorRate }: BloomShape): string {
  return `${['bloom1', positions, bits, capacity, errorRate].join(' ')} `.padEnd(HEAD_BYTES);
}

/** Undefined for what is no head of a filter, by the same sign as in the scripts. */
export function parseHead(head: string): BloomShape | undefined {
  const found = HEAD.exec(head);
  if (found === null) return undefined;
  const [positions = 0, bits = 0, capacity = 0, errorRate = 0] = found.slice(1).map(Number);
  return { positions, bits, capacity, errorRate };
}

/** What stands for an item. */
export function bloomDigest(item: string | Uint8Array): string {
  return hash('sha256', item).slice(0, 32);
}

/** The bits of an item, counted from the first one after the head. */
export function* bloomPositions(digest: string, positions: number, bits: number): Generator<number> {
  let block = '';
  for (let index = 0; index < positions; index++) {
    const part = index % 3;
    if (part === 0) block = hash('sha1', `${digest}${index / 3}`);
    yield Number.parseInt(block.slice(part * 12, part * 12 + 12), 16) % bits;
  }
}
