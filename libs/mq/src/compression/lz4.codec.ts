import { compressFrame, decompressFrame } from 'lz4-napi';
import type { RecordCodec } from './record-codec.js';

/** LZ4 by the package `lz4-napi`: whole frames, as record batches of version 2 have them. */
export const lz4Codec: RecordCodec = {
  pack: (records) => compressFrame(records),
  unpack: (packed) => decompressFrame(packed),
};
