import { describe, it } from '@jest/globals';
import { esSuite } from '@infra-kit/es/testing';
import { sharedElasticsearch } from '@infra-kit/testkit';

// 60 s: the cluster is shared with other suites, and each index takes it part of a second
esSuite(
  { describe, it: (name, body) => it(name, body, 60_000) },
  {
    name: 'an es on Elasticsearch',
    options: () => ({ nodes: sharedElasticsearch().url }),
    raw: true,
  },
);
