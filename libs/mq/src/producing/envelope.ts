import { DEADLINE_HEADER, InfraContext, TRACE_ID_HEADER, TRACEPARENT_HEADER } from '@infra-kit/kernel';
import type { RawHeaders } from '../drivers/mq-driver.js';
import { invalidArgument, shown, type MqPlace } from '../mq.errors.js';
import type { MqCodec, OutgoingMessage } from '../mq.messages.js';

/** A message ready to go, but for its partition. */
export interface Envelope {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RawHeaders;
  readonly partition: number | undefined;
  readonly timestamp: number | undefined;
  /** Of key, value and headers. */
  readonly bytes: number;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function keyOf(place: MqPlace, key: unknown): Buffer | null {
  if (key === undefined || key === null) return null;
  if (typeof key === 'string') return Buffer.from(key);
  if (Buffer.isBuffer(key)) return key;
  throw invalidArgument(place, `key must be a string or a Buffer, got ${shown(key)}`);
}

function valueOf(place: MqPlace, codec: MqCodec, value: unknown): Buffer | null {
  if (value === null) return null;
  try {
    return codec.encode(value);
  } catch (error) {
    throw invalidArgument(place, `value: the codec ${codec.name} cannot encode ${shown(value)}`, error);
  }
}

/**
 * The trace of the current context as headers, made where there is none. A message outlives the request that sends it:
 * its deadline stays behind.
 */
export function traceHeaders(): Readonly<Record<string, Buffer>> {
  const headers: Record<string, Buffer> = {};
  const inject = (): unknown =>
    InfraContext.inject(headers, (carrier, name, text) => {
      if (name !== DEADLINE_HEADER) carrier[name] = Buffer.from(text);
    });
  if (InfraContext.traceId() === undefined) InfraContext.run({}, inject);
  else inject();
  return headers;
}

/** The caller's headers, and the trace where they bring none of their own. */
function headersOf(
  place: MqPlace,
  given: unknown,
  trace: Readonly<Record<string, Buffer>>,
): Readonly<Record<string, Buffer>> {
  if (given === undefined) return trace;
  if (!isObject(given)) throw invalidArgument(place, `headers must be an object, got ${shown(given)}`);
  const traced = TRACEPARENT_HEADER in given || TRACE_ID_HEADER in given;
  // without a prototype, a header may be called '__proto__' as well
  const headers: Record<string, Buffer> = Object.assign(Object.create(null) as object, traced ? {} : trace);
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    if (typeof value === 'string') headers[name] = Buffer.from(value);
    else if (Buffer.isBuffer(value)) headers[name] = value;
    else throw invalidArgument(place, `headers.${name} must be a string or a Buffer, got ${shown(value)}`);
  }
  return headers;
}

function whole(place: MqPlace, field: string, value: unknown): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0))
    return value as number | undefined;
  throw invalidArgument(place, `${field} must be a whole number ≥ 0, got ${shown(value)}`);
}

/** Bytes of an entry of headers beside its name and value, at most. */
const FRAME = 10;

function sizeOf(key: Buffer | null, value: Buffer | null, headers: Readonly<Record<string, Buffer>>): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0) + FRAME;
  for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0) + FRAME;
  return bytes;
}

/** Checks and encodes a message. INVALID_ARGUMENT names what is wrong with it. */
export function seal(
  place: MqPlace,
  { codec, trace }: { readonly codec: MqCodec; readonly trace: Readonly<Record<string, Buffer>> },
  message: OutgoingMessage<unknown>,
): Envelope {
  if (!isObject(message)) throw invalidArgument(place, `message must be an object, got ${shown(message)}`);
  const key = keyOf(place, message.key);
  const value = valueOf(place, codec, message.value);
  const headers = headersOf(place, message.headers, trace);
  return {
    key,
    value,
    headers,
    partition: whole(place, 'partition', message.partition),
    timestamp: whole(place, 'timestamp', message.timestamp),
    bytes: sizeOf(key, value, headers),
  };
}
