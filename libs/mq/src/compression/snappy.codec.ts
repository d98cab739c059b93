import { compress, uncompress } from 'snappy';
import type { RecordCodec } from './record-codec.js';
import { BLOCK_BYTES, blocksOf, framed } from './xerial.js';

/** Snappy by the package `snappy`, in snappy-java's framing. */
export const snappyCodec: RecordCodec = {
  async pack(records) {
    const count = Math.ceil(records.length / BLOCK_BYTES);
    const parts = Array.from({ length: count }, (_, index) =>
      compress(records.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES)),
    );
    return framed(await Promise.all(parts));
  },

  async unpack(packed) {
    const parts = await Promise.all(blocksOf(packed).map((block) => uncompress(block, { asBuffer: true })));
    return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  },
};
