import { afterAll, describe } from '@jest/globals';
import { dropIndices, sharedElasticsearch, uniquePrefix } from '@infra-kit/testkit';
import { specialTextBehaviour } from './special-text.behaviour.js';

const indexPrefix = uniquePrefix('es-text', '-');
afterAll(() => dropIndices(sharedElasticsearch(), indexPrefix));

describe('user text on Elasticsearch', () =>
  specialTextBehaviour(() => ({ node: sharedElasticsearch().url, indexPrefix }), 300));
