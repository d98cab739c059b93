import { describe, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { onceSuite } from '@infra-kit/once/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';

onceSuite(
  { describe, it },
  {
    name: 'Redis',
    store: 'cache',
    open: async () => {
      const cache = await createCache(
        { url: sharedRedis().url, keyPrefix: uniquePrefix('once'), commandTimeoutMs: 20_000 },
        { env: 'test' },
      );
      return { cache, close: () => cache.close() };
    },
  },
);
