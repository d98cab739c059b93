import { InfraError } from '@infra-kit/kernel';
import type { CacheConfig } from '../cache.config.js';
import type { Encoded } from '../drivers/cache-driver.js';
import { jsonCodec } from './json.codec.js';
import { rawCodec } from './raw.codec.js';

/**
 * How a value becomes bytes. Both ways are synchronous and throw for what they cannot do: `encode` for a value that is
 * none in this format, `decode` for bytes that are none. Whole numbers are decimal text in every codec but `raw`
 * (which has no numbers), since that is what counters hold.
 */
export interface Codec {
  encode(value: unknown): Encoded;
  decode(data: Encoded): unknown;
}

export async function loadCodec(name: CacheConfig['codec']): Promise<Codec> {
  if (name === 'json') return jsonCodec;
  if (name === 'raw') return rawCodec;
  try {
    const { msgpackCodec } = await import('./msgpack.codec.js');
    return msgpackCodec;
  } catch (error) {
    throw new InfraError(
      'FAILED_PRECONDITION',
      "cache: codec 'msgpack' needs the package @msgpack/msgpack; install it: npm i @msgpack/msgpack",
      { component: 'cache', cause: error },
    );
  }
}
