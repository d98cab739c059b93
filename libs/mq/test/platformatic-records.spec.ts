import { describe, expect, it } from '@jest/globals';
import { IS_CONTROL, IS_TRANSACTIONAL } from '@platformatic/kafka';
import { fetchedRecords, type FetchedPartition } from '../src/drivers/platformatic/fetched-records.js';

type Batch = NonNullable<FetchedPartition['records']>[number];
type Fetched = Pick<FetchedPartition, 'records' | 'abortedTransactions'>;

const ABORT = Buffer.from([0, 0, 0, 0]);
const COMMIT = Buffer.from([0, 0, 0, 1]);

function batch(firstOffset: bigint, values: readonly string[], other: Partial<Batch> = {}): Batch {
  return {
    firstOffset,
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    attributes: 0,
    lastOffsetDelta: values.length - 1,
    firstTimestamp: 1000n,
    maxTimestamp: 2000n,
    producerId: -1n,
    producerEpoch: 0,
    firstSequence: 0,
    records: values.map((value, index) => ({
      length: 0,
      attributes: 0,
      timestampDelta: BigInt(index),
      offsetDelta: index,
      key: null,
      value: Buffer.from(value),
      headers: [],
    })),
    ...other,
  };
}

function marker(offset: bigint, producerId: bigint, key: Buffer): Batch {
  const [record] = batch(offset, ['']).records;
  if (record === undefined) throw new Error('a batch has a record');
  const attributes = IS_CONTROL | IS_TRANSACTIONAL;
  return batch(offset, [''], { attributes, producerId, records: [{ ...record, key }] });
}

const transactional = (producerId: bigint): Partial<Batch> => ({ attributes: IS_TRANSACTIONAL, producerId });

function read(fetched: Fetched, from = 0n): { readonly values: string[]; readonly next: bigint } {
  const partition: FetchedPartition = {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 100n,
    lastStableOffset: 100n,
    logStartOffset: 0n,
    preferredReadReplica: -1,
    ...fetched,
  };
  const { records, next } = fetchedRecords(partition, from);
  return { values: records.map(({ value }) => String(value)), next };
}

describe('records as they were fetched', () => {
  it('begin at the offset that was asked for, though batches come whole', () => {
    const records = [batch(0n, ['a', 'b', 'c']), batch(3n, ['d'])];
    expect(read({ records, abortedTransactions: null }, 1n)).toEqual({ values: ['b', 'c', 'd'], next: 4n });
  });

  it('go on behind what compaction has taken away', () => {
    const records = [batch(5n, ['a'], { lastOffsetDelta: 9 })];
    expect(read({ records, abortedTransactions: null }, 2n)).toEqual({ values: ['a'], next: 15n });
  });

  it('are none without batches, and the place stays', () => {
    expect(read({ records: null, abortedTransactions: null }, 7n)).toEqual({ values: [], next: 7n });
  });

  it('leave out markers, and nothing of a committed transaction', () => {
    const records = [batch(0n, ['a'], transactional(7n)), marker(1n, 7n, COMMIT)];
    expect(read({ records, abortedTransactions: [] })).toEqual({ values: ['a'], next: 2n });
  });

  it('leave out what was aborted, also when its marker comes with a later fetch', () => {
    const abortedTransactions = [{ producerId: 7n, firstOffset: 1n }];
    const records = [
      batch(0n, ['before'], transactional(7n)),
      batch(1n, ['aborted'], transactional(7n)),
      batch(2n, ['other'], transactional(8n)),
      batch(3n, ['plain'], { producerId: 7n }),
    ];
    expect(read({ records, abortedTransactions })).toEqual({
      values: ['before', 'other', 'plain'],
      next: 4n,
    });
  });

  it('come again from a producer whose transaction was aborted before, and go again with its next one', () => {
    const abortedTransactions = [
      { producerId: 7n, firstOffset: 4n },
      { producerId: 7n, firstOffset: 0n },
    ];
    const records = [
      batch(0n, ['no'], transactional(7n)),
      marker(1n, 7n, ABORT),
      batch(2n, ['yes'], transactional(7n)),
      marker(3n, 7n, COMMIT),
      batch(4n, ['no again'], transactional(7n)),
      marker(5n, 7n, ABORT),
    ];
    expect(read({ records, abortedTransactions })).toEqual({ values: ['yes'], next: 6n });
  });

  it('have the time their producer gave, or the broker where the topic says so', () => {
    const at = (attributes: number): number[] => {
      const records = [batch(0n, ['a', 'b'], { attributes })];
      const partition = { records, abortedTransactions: null, partitionIndex: 0, errorCode: 0 };
      const bounds = {
        highWatermark: 2n,
        lastStableOffset: 2n,
        logStartOffset: 0n,
        preferredReadReplica: -1,
      };
      return fetchedRecords({ ...partition, ...bounds }, 0n).records.map(({ timestamp }) => timestamp);
    };
    expect(at(0)).toEqual([1000, 1001]);
    expect(at(0b1000)).toEqual([2000, 2000]);
  });

  it('have each header, lists where a name came twice, and any name', () => {
    const [record] = batch(0n, ['a']).records;
    if (record === undefined) throw new Error('a batch has a record');
    const headers = [
      ['a', '1'],
      ['a', '2'],
      ['a', '3'],
      ['__proto__', 'p'],
    ].map(([name = '', value = '']): [Buffer, Buffer] => [Buffer.from(name), Buffer.from(value)]);
    const records = [
      batch(0n, ['a'], { records: [{ ...record, headers: [...headers, [Buffer.from('n'), null]] }] }),
    ];
    const partition = { records, abortedTransactions: null, partitionIndex: 0, errorCode: 0 };
    const bounds = { highWatermark: 2n, lastStableOffset: 2n, logStartOffset: 0n, preferredReadReplica: -1 };
    const [read0] = fetchedRecords({ ...partition, ...bounds }, 0n).records;
    expect(Object.entries(read0?.headers ?? {})).toEqual([
      ['a', ['1', '2', '3'].map((each) => Buffer.from(each))],
      ['__proto__', Buffer.from('p')],
      ['n', Buffer.alloc(0)],
    ]);
  });
});
