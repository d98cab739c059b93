import type { Encoded } from '../drivers/cache-driver.js';

/**
 * How a value becomes bytes. Both ways are synchronous and throw for what they cannot do: `encode` for a value that is
 * none in this format, `decode` for bytes that are none. Whole numbers are decimal text in every codec but `raw`
 * (which has no numbers), since that is what counters hold.
 */
export interface Codec {
  encode(value: unknown): Encoded;
  decode(data: Encoded): unknown;
}
