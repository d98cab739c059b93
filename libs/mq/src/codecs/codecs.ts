import { isUtf8 } from 'node:buffer';
import type { MqCodec } from '../mq.messages.js';

/** Any JSON value. Bytes that are not UTF-8 do not decode. */
export const jsonCodec: MqCodec = {
  name: 'json',
  encode(value) {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`);
    return Buffer.from(text);
  },
  decode(bytes): unknown {
    if (!isUtf8(bytes)) throw new TypeError('the bytes are not UTF-8');
    return JSON.parse(bytes.toString('utf8'));
  },
};

/** Strings and bytes in, Buffers out. */
export const rawCodec: MqCodec = {
  name: 'raw',
  encode(value) {
    if (typeof value === 'string') return Buffer.from(value);
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    throw new TypeError('the raw codec takes strings and bytes');
  },
  decode: (bytes) => bytes,
};

export function isCodecOption(value: unknown): value is 'json' | 'raw' | MqCodec {
  if (value === 'json' || value === 'raw') return true;
  const { encode, decode } = Object(value) as Partial<MqCodec>;
  return typeof encode === 'function' && typeof decode === 'function';
}

export function codecOf(codec: 'json' | 'raw' | MqCodec): MqCodec {
  if (typeof codec === 'object') return codec;
  return codec === 'json' ? jsonCodec : rawCodec;
}
