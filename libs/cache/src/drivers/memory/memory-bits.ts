import { InfraError } from '@infra-kit/kernel';
import type { LruStore } from './lru-store.js';
import { plain, type Stored } from './stored.js';

/** Bits of a string of Redis: 512 MiB. */
const MAX_BYTES = 2 ** 29;
const NOTHING = Buffer.alloc(0);

/** Plain values seen as bytes and bits, the first bit of a byte being its highest, as Redis counts them. */
export class MemoryBits {
  readonly #store: LruStore<Stored>;

  constructor(store: LruStore<Stored>) {
    this.#store = store;
  }

  getRange(key: string, start: number, end: number): string {
    return this.#bytes(key)
      .subarray(start, end + 1)
      .toString();
  }

  setRange(key: string, offset: number, text: string): void {
    const bytes = Buffer.from(text);
    bytes.copy(this.#room(key, offset + bytes.length), offset);
  }

  getBit(key: string, offset: number): 0 | 1 {
    const byte = this.#bytes(key)[offset >>> 3] ?? 0;
    return (byte & maskOf(offset)) === 0 ? 0 : 1;
  }

  setBit(key: string, offset: number, bit: 0 | 1): 0 | 1 {
    const at = offset >>> 3;
    const bytes = this.#room(key, at + 1);
    const before = bytes[at] ?? 0;
    const mask = maskOf(offset);
    bytes[at] = bit === 1 ? before | mask : before & ~mask;
    return (before & mask) === 0 ? 0 : 1;
  }

  #bytes(key: string): Buffer {
    const entry = this.#store.touch(key);
    if (entry === undefined) return NOTHING;
    const value = plain(entry.value);
    return typeof value === 'string' ? Buffer.from(value) : value;
  }

  /** The bytes of the entry to write to, at least so many; what was not there is zero. */
  #room(key: string, length: number): Buffer {
    const entry = this.#store.touch(key);
    const value = entry && plain(entry.value);
    if (Buffer.isBuffer(value) && value.length >= length) return value;
    if (length > MAX_BYTES) throw new InfraError('INVALID_ARGUMENT', 'an entry has at most 512 MiB');
    const bytes = Buffer.from(value ?? '');
    const room = Buffer.alloc(Math.max(length, bytes.length));
    bytes.copy(room);
    this.#store.put(key, room, entry?.expiresAt ?? Infinity);
    return room;
  }
}

const maskOf = (offset: number): number => 0x80 >>> (offset & 7);
