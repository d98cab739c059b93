import { Client } from '@elastic/elasticsearch';
import { v7 } from 'uuid';
import { createEs } from '@infra-kit/es';
import { compare } from '@infra-kit/testkit/bench';

const node = process.env['INFRA_TEST_ELASTICSEARCH_URL'];
if (node === undefined) throw new Error('INFRA_TEST_ELASTICSEARCH_URL is not set; run npm run bench -- es');

const DOCUMENTS = 2000;
const FLUSH_BYTES = 200_000;
const prefix = `bench-${Date.now()}-`;
const settings = { number_of_replicas: 0, refresh_interval: '-1' };
const mappings = {
  properties: { sku: { type: 'keyword' }, title: { type: 'text' }, price: { type: 'double' } },
} as const;
const client = new Client({ node });
const es = await createEs(
  { node, indexPrefix: prefix, requestTimeoutMs: 60_000, bulk: { flushBytes: FLUSH_BYTES, concurrency: 4 } },
  { env: 'test' },
);
for (const name of ['theirs', 'ours']) await es.indices.create(name, { settings, mappings });

const words = ['red', 'blue', 'running', 'shoes', 'hat', 'phone', 'case', 'leather', 'small', 'large'];
const documents = Array.from({ length: DOCUMENTS }, (_, at) => ({
  sku: `sku-${at}`,
  title: `${words[at % 10]} ${words[(at * 7) % 10]} ${words[(at * 3 + 1) % 10]} number ${at}`,
  price: at % 100,
}));

await compare({
  title: `${DOCUMENTS} documents in batches, ids set by the client`,
  measure: 'throughput',
  roundMs: 1500,
  baseline: {
    name: "the client's bulk helper",
    run: () =>
      client.helpers.bulk({
        datasource: documents,
        flushBytes: FLUSH_BYTES,
        concurrency: 4,
        onDocument: () => ({ index: { _index: `${prefix}theirs`, _id: v7() } }),
      }),
  },
  subjects: [
    {
      name: 'writer',
      goal: '>= 0.95',
      run: async () => {
        const writer = es.writer<(typeof documents)[number]>('ours');
        for (const document of documents) await writer.add(document);
        return writer.close();
      },
    },
    { name: 'bulkIndex', goal: '>= 0.95', run: () => es.bulkIndex('ours', documents) },
  ],
});

await es.indices.delete('ours');
await es.indices.create('ours', { settings, mappings });
await es.bulkIndex('ours', documents, { id: ({ sku }) => sku });
await es.indices.refresh('ours');

const texts = words.flatMap((first) => words.map((second) => `${first} ${second}`));
let turn = 0;
const next = (): string => texts[turn++ % texts.length] ?? '';
const size = 20;

await compare({
  title: 'typed search: words, a filter and a sort, 20 hits',
  measure: 'throughput',
  roundMs: 800,
  concurrency: 4,
  baseline: {
    name: 'the raw call',
    run: () =>
      client.search({
        index: `${prefix}ours`,
        query: {
          bool: {
            must: [{ multi_match: { query: next(), fields: ['title'] } }],
            filter: [{ range: { price: { gte: 10, lt: 90 } } }],
          },
        },
        sort: [{ price: { order: 'desc' } }, { sku: { order: 'asc' } }],
        size,
        track_total_hits: true,
      }),
  },
  subjects: [
    {
      name: 'search',
      goal: '>= 0.95',
      run: () =>
        es.search('ours', {
          text: next(),
          fields: ['title'],
          filter: [{ range: { field: 'price', gte: 10, lt: 90 } }],
          sort: ['price:desc', 'sku'],
          size,
        }),
    },
  ],
});
await compare({
  title: 'typed search: words in every text field, 20 hits',
  measure: 'throughput',
  roundMs: 800,
  concurrency: 4,
  baseline: {
    name: 'the raw call',
    run: () =>
      client.search({
        index: `${prefix}ours`,
        query: { multi_match: { query: next(), fields: ['title'] } },
        size,
        track_total_hits: true,
      }),
  },
  subjects: [{ name: 'search', goal: '>= 0.95', run: () => es.search('ours', { text: next(), size }) }],
});

for (const name of ['theirs', 'ours']) await es.indices.delete(name);
await es.close();
await client.close();
