/** How a field is written: https://protobuf.dev/programming-guides/encoding/. */
export type FieldType =
  | 'text'
  | 'hex'
  | 'bool'
  | 'int'
  | 'fixed64'
  | 'sfixed64'
  | 'fixed32'
  | 'double'
  | 'doubles'
  | 'counts'
  | Shape;

interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly repeated: boolean;
}

/** The fields of a message by their number. */
export type Shape = Readonly<Record<number, Field>>;

export const one = (name: string, type: FieldType): Field => ({ name, type, repeated: false });
export const many = (name: string, type: FieldType): Field => ({ name, type, repeated: true });

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Reads one message of OTLP; fields that the shape does not name are passed over. */
export class ProtobufReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  message(shape: Shape): Record<string, unknown> {
    const read: Record<string, unknown> = {};
    for (const { name, repeated } of Object.values(shape)) if (repeated) read[name] = [];
    while (this.#at < this.#bytes.length) {
      const tag = Number(this.#varint());
      const field = shape[tag >> 3];
      const raw = this.#raw(tag & 7);
      if (field === undefined) continue;
      const value = valueOf(raw, field.type);
      const list = read[field.name];
      if (Array.isArray(list)) list.push(value);
      else read[field.name] = value;
    }
    return read;
  }

  #raw(wire: number): bigint | Buffer {
    if (wire === VARINT) return this.#varint();
    if (wire === FIXED64) return this.#take(8);
    if (wire === FIXED32) return this.#take(4);
    if (wire === BYTES) return this.#take(Number(this.#varint()));
    throw new Error(`no message of OTLP: wire type ${wire}`);
  }

  #take(length: number): Buffer {
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error('no message of OTLP: it ends within a number');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
}

function packed<T>(raw: Buffer, read: (at: number) => T): T[] {
  return Array.from({ length: raw.length / 8 }, (_, index) => read(index * 8));
}

function valueOf(raw: bigint | Buffer, type: FieldType): unknown {
  if (typeof raw === 'bigint') return type === 'bool' ? raw !== 0n : Number(BigInt.asIntN(64, raw));
  if (typeof type === 'object') return new ProtobufReader(raw).message(type);
  switch (type) {
    case 'text':
      return raw.toString('utf8');
    case 'hex':
      return raw.toString('hex');
    case 'double':
      return raw.readDoubleLE();
    case 'doubles':
      return packed(raw, (at) => raw.readDoubleLE(at));
    case 'counts':
      return packed(raw, (at) => Number(raw.readBigUInt64LE(at)));
    case 'sfixed64':
      return Number(raw.readBigInt64LE());
    case 'fixed32':
      return raw.readUInt32LE();
    default:
      return raw.readBigUInt64LE();
  }
}
