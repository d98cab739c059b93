import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '@elastic/elasticsearch';
import { dropIndices, sharedElasticsearch, uniquePrefix } from '@infra-kit/testkit';

/** The older line, which a machine without a new Java runs, wants to be asked in its own version. */
const MEDIA = 'application/vnd.elasticsearch+json; compatible-with=8';

describe('indices of the shared Elasticsearch', () => {
  let client: Client;
  beforeAll(async () => {
    const node = sharedElasticsearch().url;
    client = new Client({ node, headers: { accept: MEDIA, 'content-type': MEDIA } });
  });
  afterAll(() => client.close());

  const settings = { number_of_shards: 1, number_of_replicas: 0 };
  const open = (prefix: string): Promise<readonly string[]> =>
    client.indices.get({ index: `${prefix}*`, expand_wildcards: 'all' }).then(Object.keys);

  it('under one prefix are dropped by name, hidden and closed ones too, and nothing under another', async () => {
    const [mine, yours] = [uniquePrefix('testkit', '-'), uniquePrefix('testkit', '-')];
    try {
      await client.indices.create({ index: `${mine}a`, settings, aliases: { [`${mine}alias`]: {} } });
      await client.indices.create({ index: `${mine}hidden`, settings: { ...settings, hidden: true } });
      await client.indices.create({ index: `${mine}closed`, settings });
      await client.indices.close({ index: `${mine}closed` });
      await client.indices.putIndexTemplate({ name: `${mine}t`, index_patterns: [`${mine}x*`] });
      await client.index({ index: `${yours}b`, id: '1', document: { kept: true } });
      await dropIndices(sharedElasticsearch(), mine);
      expect(await open(mine)).toEqual([]);
      expect(await client.indices.existsIndexTemplate({ name: `${mine}t` })).toBe(false);
      expect((await client.get({ index: `${yours}b`, id: '1' }))._source).toEqual({ kept: true });
    } finally {
      await dropIndices(sharedElasticsearch(), yours);
    }
  });

  it('are never all dropped by an empty prefix', async () => {
    await expect(dropIndices(sharedElasticsearch(), '')).rejects.toThrow('would delete everything');
  });

  it('may be none', async () => {
    await dropIndices(sharedElasticsearch(), uniquePrefix('none', '-'));
  });
});
