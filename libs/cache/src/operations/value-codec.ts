import { CacheDecodeError, invalidArgument, shown, type CachePlace } from '../cache.errors.js';
import type { Codec } from '../codecs/codec.js';
import type { Encoded } from '../drivers/cache-driver.js';
import { openEntry, sealEntry, type EntryMeta } from './stored-entry.js';

/** The codec with the cache's errors around it, and with what is kept beside a value. */
export class ValueCodec {
  readonly #place: CachePlace;
  readonly #codec: Codec;

  constructor(place: CachePlace, codec: Codec) {
    this.#place = place;
    this.#codec = codec;
  }

  /** INVALID_ARGUMENT for what the codec cannot write. */
  encode(key: string, value: unknown, meta?: EntryMeta): Encoded {
    if (value === undefined)
      throw invalidArgument(this.#place, `value of key ${shown(key)} must not be undefined; null is a value`);
    let payload: Encoded;
    try {
      payload = this.#codec.encode(value);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw invalidArgument(
        this.#place,
        `value of key ${shown(key)} cannot be encoded, got ${shown(value)}: ${why}`,
        error,
      );
    }
    return sealEntry(payload, meta);
  }

  /** The value, whatever is kept beside it. DATA_LOSS for what the codec cannot read. */
  decode(key: string, data: Encoded): unknown {
    try {
      return this.#codec.decode(openEntry(data).payload);
    } catch (error) {
      throw new CacheDecodeError(this.#place, key, error);
    }
  }
}
