import type { Codec } from './codec.js';

/** Bytes as they are: takes strings (their UTF-8) and byte arrays, gives Buffers. */
export const rawCodec: Codec = {
  encode(value) {
    if (typeof value === 'string') return value;
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    throw new TypeError("codec 'raw' takes strings and byte arrays");
  },
  decode: (data) => Buffer.from(data),
};
