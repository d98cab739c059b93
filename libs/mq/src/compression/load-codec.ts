import { InfraError } from '@infra-kit/kernel';
import type { RecordCodec, RecordCodecName } from './record-codec.js';

const LOADERS: Readonly<Record<RecordCodecName, () => Promise<RecordCodec>>> = {
  snappy: async () => (await import('./snappy.codec.js')).snappyCodec,
  lz4: async () => (await import('./lz4.codec.js')).lz4Codec,
  zstd: async () => (await import('./zstd.codec.js')).zstdCodec,
};

const PACKAGES = { snappy: 'snappy', lz4: 'lz4-napi', zstd: 'node:zlib' } as const;

/** A codec, with the optional package that it stands on. FAILED_PRECONDITION, naming the package, when that is missing. */
export async function loadCodec(name: RecordCodecName): Promise<RecordCodec> {
  try {
    return await LOADERS[name]();
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ERR_MODULE_NOT_FOUND') throw error;
    const needed = PACKAGES[name];
    throw new InfraError(
      'FAILED_PRECONDITION',
      `compression '${name}' needs the package ${needed}; install it: npm i ${needed}`,
      { component: 'mq', cause: error },
    );
  }
}
