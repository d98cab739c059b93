import { Decoder, Encoder } from '@msgpack/msgpack';
import type { Codec } from './codec.js';

const encoder = new Encoder({ ignoreUndefined: true });
const decoder = new Decoder();
/** The text as MessagePack writes it, its length before it. */
const PROTO = Buffer.from('\u00a9__proto__', 'latin1');
const WHOLE = /^-?\d{1,16}$/;

/** First bytes of decimal text: '-' and '0' … '9'. As MessagePack each is a complete one-byte number, never the start of anything longer. */
const isDecimal = (first: number | undefined): boolean =>
  first !== undefined && (first === 0x2d || (first >= 0x30 && first <= 0x39));

/** MessagePack (https://msgpack.org), dates included. Whole numbers at the top are decimal text, so that counters are values too. */
export const msgpackCodec: Codec = {
  encode(value) {
    if (Number.isSafeInteger(value)) return String(value);
    if (typeof value === 'function' || typeof value === 'symbol' || value === undefined)
      throw new TypeError('MessagePack has no way to write it');
    const bytes = encoder.encode(value);
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // the decoder refuses such a key, which would set an object's prototype; as a text it is like any other
    if (data.includes(PROTO)) decoder.decode(data);
    return data;
  },
  decode(data) {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    if (!isDecimal(bytes[0])) return decoder.decode(bytes);
    const text = bytes.toString('latin1');
    if (!WHOLE.test(text)) throw new TypeError('neither MessagePack nor a whole number');
    return Number(text);
  },
};
