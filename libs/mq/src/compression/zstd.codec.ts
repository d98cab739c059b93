import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type { RecordCodec } from './record-codec.js';

const [compress, decompress] = [promisify(zstdCompress), promisify(zstdDecompress)];

/** Zstandard by Node itself. */
export const zstdCodec: RecordCodec = {
  pack: (records) => compress(records),
  unpack: (packed) => decompress(packed),
};
