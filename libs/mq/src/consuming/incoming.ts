import { isUtf8 } from 'node:buffer';
import type { RawHeaders, StoredRecord } from '../drivers/mq-driver.js';
import type { IncomingMessage } from '../mq.messages.js';

const EMPTY = Buffer.alloc(0);

export function keyOf(key: Buffer | null): string | Buffer | undefined {
  if (key === null) return undefined;
  return isUtf8(key) ? key.toString('utf8') : key;
}

/** Of a header that came more than once, the last. */
export function lastHeaders(headers: RawHeaders): Record<string, Buffer> {
  const last: [string, Buffer][] = [];
  for (const [name, value] of Object.entries(headers)) {
    const one = Buffer.isBuffer(value) ? value : value.at(-1);
    if (one !== undefined) last.push([name, one]);
  }
  return Object.fromEntries(last);
}

export function textHeaders(headers: Readonly<Record<string, Buffer>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.toString('utf8')]));
}

export function headerText(headers: RawHeaders, name: string): string | undefined {
  const value = headers[name];
  const one = Buffer.isBuffer(value) ? value : value?.at(-1);
  return one?.toString('utf8');
}

/** A record as handlers see it; what few look at is made when it is looked at. */
export class Incoming implements IncomingMessage<unknown> {
  readonly topic: string;
  readonly partition: number;
  readonly value: unknown;
  readonly attempt: number;
  readonly #record: StoredRecord;
  #rawHeaders: Record<string, Buffer> | undefined;
  #headers: Record<string, string> | undefined;

  constructor(
    place: { readonly topic: string; readonly partition: number },
    record: StoredRecord,
    value: unknown,
    attempt: number,
  ) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.value = value;
    this.attempt = attempt;
    this.#record = record;
  }

  get offset(): bigint {
    return this.#record.offset;
  }
  get key(): string | Buffer | undefined {
    return keyOf(this.#record.key);
  }
  get raw(): Buffer {
    return this.#record.value ?? EMPTY;
  }
  get timestamp(): number {
    return this.#record.timestamp;
  }
  get rawHeaders(): Readonly<Record<string, Buffer>> {
    this.#rawHeaders ??= lastHeaders(this.#record.headers);
    return this.#rawHeaders;
  }
  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= textHeaders(this.rawHeaders);
    return this.#headers;
  }
}
