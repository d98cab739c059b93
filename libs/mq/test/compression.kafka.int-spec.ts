import { afterAll, describe, expect, it } from '@jest/globals';
import type { MqDriver, NewRecord } from '@infra-kit/mq';
import { kafkajsDriver, type KafkaOptions } from '@infra-kit/mq/kafkajs';
import { platformaticDriver } from '@infra-kit/mq/platformatic';
import { sharedKafka, uniqueName } from '@infra-kit/testkit';
import { kafkaOptions } from './fixtures/kafka-options.js';
import { readRecords } from './fixtures/read-records.js';

type Compression = KafkaOptions['producer']['compression'];

const CODECS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const CLIENTS = { kafkajs: kafkajsDriver, platformatic: platformaticDriver } as const;
const WAYS = [
  ['kafkajs', 'platformatic'],
  ['platformatic', 'kafkajs'],
] as const;
type Way = readonly [from: keyof typeof CLIENTS, to: keyof typeof CLIENTS];

const open = new Map<string, MqDriver>();

function driver(client: keyof typeof CLIENTS, compression: Compression): MqDriver {
  const key = `${client} ${compression}`;
  const { producer } = kafkaOptions([]);
  const made =
    open.get(key) ??
    CLIENTS[client](kafkaOptions(sharedKafka().brokers, { producer: { ...producer, compression } }));
  open.set(key, made);
  return made;
}

const records: NewRecord[] = Array.from({ length: 500 }, (_, index) => ({
  partition: 0,
  key: index % 3 === 0 ? null : Buffer.from(`key ${index}`),
  value: index % 7 === 0 ? null : Buffer.from(`order ${index}; `.repeat(30)),
  headers: index % 5 === 0 ? { one: Buffer.from([index % 256, 0, 255]), empty: Buffer.alloc(0) } : {},
  timestamp: 1_700_000_000_000 + index,
}));

const comparable = ({ key, value, headers, timestamp }: Omit<NewRecord, 'partition'>): unknown => [
  key,
  value,
  { ...headers },
  timestamp,
];

describe('messages packed by one client', () => {
  afterAll(() => Promise.all([...open.values()].map((each) => each.close())));

  const call = (): { readonly signal: AbortSignal } => ({ signal: AbortSignal.timeout(20_000) });

  async function throughTopic(
    [from, to]: Way,
    { sent, kept }: { readonly sent: Compression; readonly kept: string },
  ): Promise<void> {
    const [producer, consumer] = [driver(from, sent), driver(to, 'none')];
    const name = uniqueName('packed');
    await producer.admin.createTopic(
      { name, partitions: 1, replication: 1, config: { 'compression.type': kept } },
      call(),
    );
    const offsets = await producer.produce(name, records, call());
    expect(offsets).toEqual(records.map((_, index) => BigInt(index)));
    const read = await readRecords(consumer, name, records.length);
    expect(read.map((each) => comparable(each))).toEqual(records.map((each) => comparable(each)));
  }

  it.each(WAYS.flatMap((way) => CODECS.map((codec) => [...way, codec] as const)))(
    '%s are unpacked by %s: %s',
    (from, to, codec) => throughTopic([from, to], { sent: codec, kept: 'producer' }),
  );

  // the broker unpacks them by Java's libraries, and packs them anew
  it.each(
    CODECS.slice(1).flatMap((codec) => [
      ['kafkajs', 'kafkajs', codec, codec === 'lz4' ? 'zstd' : 'lz4'] as const,
      ['platformatic', 'platformatic', codec, codec === 'snappy' ? 'gzip' : 'snappy'] as const,
    ]),
  )('%s are unpacked and packed by the broker, and unpacked by %s: %s, %s', (from, to, sent, kept) =>
    throughTopic([from, to], { sent, kept }),
  );
  it.each([['kafkajs', 'kafkajs', 'gzip', 'snappy'] as const])(
    '%s packed by Java in Snappy are unpacked by %s: %s, %s',
    (from, to, sent, kept) => throughTopic([from, to], { sent, kept }),
  );
});
