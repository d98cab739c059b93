import { describe, expect, it } from '@jest/globals';
import { createEs } from '@infra-kit/es';
import { esSuite } from '@infra-kit/es/testing';
import { dropIndices, sharedElasticsearch, uniquePrefix } from '@infra-kit/testkit';

// 60 s: the cluster is shared with other suites, and each index takes it part of a second
esSuite(
  { describe, it: (name, body) => it(name, body, 60_000) },
  {
    name: 'an es on Elasticsearch',
    options: () => ({ nodes: sharedElasticsearch().url }),
    raw: true,
  },
);

describe('a search that the shards refuse', () => {
  it('says why, in the words of their cause', async () => {
    const indexPrefix = uniquePrefix('es-why', '-');
    const es = await createEs({ node: sharedElasticsearch().url, indexPrefix }, { env: 'test' });
    await es.index('notes', { at: '2024-01-01' }, { refresh: true });
    await expect(es.search('notes', { sort: 'at', after: ['soon'] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('failed to parse date field [soon]'),
    });
    await es.close();
    await dropIndices(sharedElasticsearch(), indexPrefix);
  }, 60_000);
});
