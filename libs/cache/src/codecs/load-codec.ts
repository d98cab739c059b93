import { InfraError } from '@infra-kit/kernel';
import type { CacheConfig } from '../cache.config.js';
import type { Codec } from './codec.js';
import { jsonCodec } from './json.codec.js';
import { rawCodec } from './raw.codec.js';

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
