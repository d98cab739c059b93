import { IS_CONTROL, IS_TRANSACTIONAL, type fetchV17, type RecordsBatch } from '@platformatic/kafka';
import type { RawHeaders, StoredRecord } from '../mq-driver.js';

const LOG_APPEND_TIME = 0b1000;
const ABORT_MARKER = 0;
const NOTHING = Buffer.alloc(0);

export type FetchResponse = ReturnType<typeof fetchV17.parseResponse>;
export type FetchedPartition = FetchResponse['responses'][number]['partitions'][number];

type Headers = RecordsBatch['records'][number]['headers'];

export interface FetchedRecords {
  readonly records: readonly StoredRecord[];
  /** Where to go on: behind markers and aborted records as well. */
  readonly next: bigint;
}

const NO_HEADERS: RawHeaders = {};

/** Most records have a few headers with a value and a name of its own each: those are not looked at twice. */
function rawHeaders(headers: Headers): RawHeaders {
  if (headers.length === 0) return NO_HEADERS;
  const byName: Record<string, Buffer | Buffer[]> = {};
  for (const [key, value] of headers) {
    const name = key?.toString() ?? '';
    const bytes = value ?? NOTHING;
    const before = Object.hasOwn(byName, name) ? byName[name] : undefined;
    if (before !== undefined) byName[name] = Buffer.isBuffer(before) ? [before, bytes] : [...before, bytes];
    else if (name === '__proto__')
      Object.defineProperty(byName, name, { value: bytes, enumerable: true, writable: true });
    else byName[name] = bytes;
  }
  return byName;
}

function isAbortMarker({ records }: RecordsBatch): boolean {
  const type = records[0]?.key;
  return type !== undefined && type !== null && type.length >= 4 && type.readInt16BE(2) === ABORT_MARKER;
}

/**
 * What a fetch brought of one partition, from `from` on: whole batches come, which may begin before. Records of aborted
 * transactions are left out as the protocol describes it (KIP-98): between the first offset of an aborted transaction and
 * the abort marker of its producer.
 */
export function fetchedRecords(
  { records: batches, abortedTransactions }: FetchedPartition,
  from: bigint,
): FetchedRecords {
  const records: StoredRecord[] = [];
  const toCome = (abortedTransactions ?? []).toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const aborted = new Set<bigint>();
  let next = from;
  for (const batch of batches ?? []) {
    const { firstOffset, firstTimestamp, maxTimestamp, attributes, producerId } = batch;
    const last = firstOffset + BigInt(batch.lastOffsetDelta);
    if (last + 1n > next) next = last + 1n;
    for (let begun = toCome[0]; begun !== undefined && begun.firstOffset <= last; begun = toCome[0]) {
      aborted.add(begun.producerId);
      toCome.shift();
    }
    if ((attributes & IS_CONTROL) !== 0) {
      if (isAbortMarker(batch)) aborted.delete(producerId);
      continue;
    }
    if ((attributes & IS_TRANSACTIONAL) !== 0 && aborted.has(producerId)) continue;
    for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
      const offset = firstOffset + BigInt(offsetDelta);
      if (offset < from) continue;
      const timestamp = (attributes & LOG_APPEND_TIME) === 0 ? firstTimestamp + timestampDelta : maxTimestamp;
      records.push({ offset, key, value, headers: rawHeaders(headers), timestamp: Number(timestamp) });
    }
  }
  return { records, next };
}
