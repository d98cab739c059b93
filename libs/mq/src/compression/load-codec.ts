import { InfraError } from '@infra-kit/kernel';
import type { RecordCodec, RecordCodecName } from './record-codec.js';

const LOADERS: Readonly<Record<RecordCodecName, () => Promise<RecordCodec>>> = {
  snappy: async () => (await import('./snappy.codec.js')).snappyCodec,
  lz4: async () => (await import('./lz4.codec.js')).lz4Codec,
  zstd: async () => (await import('./zstd.codec.js')).zstdCodec,
};

const PACKAGES = { snappy: 'snappy', lz4: 'lz4-napi', zstd: undefined } as const;

/** A codec, with the optional package that it stands on. FAILED_PRECONDITION, naming the package, when that is missing. */
export async function loadCodec(name: RecordCodecName): Promise<RecordCodec> {
  try {
    return await LOADERS[name]();
  } catch (error) {
    const needed = PACKAGES[name];
    const remedy =
      needed === undefined
        ? 'needs Node 22.15 or newer'
        : `needs the package ${needed}; install it: npm i ${needed}`;
    throw new InfraError('FAILED_PRECONDITION', `compression '${name}' ${remedy}`, {
      component: 'mq',
      cause: error,
    });
  }
}
