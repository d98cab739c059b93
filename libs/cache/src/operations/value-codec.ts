import { CacheDecodeError, invalidArgument, shown, type CachePlace } from '../cache.errors.js';
import type { Codec } from '../codecs/codec.js';
import type { Encoded } from '../drivers/cache-driver.js';

/** The codec with the cache's errors around it. */
export class ValueCodec {
  readonly #place: CachePlace;
  readonly #codec: Codec;

  constructor(place: CachePlace, codec: Codec) {
    this.#place = place;
    this.#codec = codec;
  }

  /** INVALID_ARGUMENT for what the codec cannot write. */
  encode(key: string, value: unknown): Encoded {
    if (value === undefined)
      throw invalidArgument(this.#place, `value of key ${shown(key)} must not be undefined; null is a value`);
    try {
      return this.#codec.encode(value);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw invalidArgument(
        this.#place,
        `value of key ${shown(key)} cannot be encoded, got ${shown(value)}: ${why}`,
        error,
      );
    }
  }

  /** DATA_LOSS for what the codec cannot read. */
  decode(key: string, data: Encoded): unknown {
    try {
      return this.#codec.decode(data);
    } catch (error) {
      throw new CacheDecodeError(this.#place, key, error);
    }
  }
}
