import { isUtf8 } from 'node:buffer';
import type { Encoded } from '../drivers/cache-driver.js';
import type { Codec } from './codec.js';

/** The text of stored bytes. Throws where they are no UTF-8, which `toString` would paint over with U+FFFD. */
export function utf8Text(data: Encoded): string {
  if (typeof data === 'string') return data;
  const text = data.toString('utf8');
  if (text.includes('\uFFFD') && !isUtf8(data)) throw new TypeError('the bytes are not UTF-8');
  return text;
}

/** JSON, as JSON.stringify writes it: dates come back as texts, `undefined` members are left out. */
export const jsonCodec: Codec = {
  encode(value) {
    const text: unknown = JSON.stringify(value);
    if (typeof text !== 'string') throw new TypeError('JSON has no way to write it');
    return text;
  },
  decode: (data) => JSON.parse(utf8Text(data)) as unknown,
};
