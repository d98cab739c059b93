import { describe, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { onceSuite } from '@infra-kit/once/testing';

onceSuite(
  { describe, it },
  {
    name: 'memory',
    store: 'cache',
    open: async () => {
      const cache = await createCache({ driver: 'memory' }, { env: 'test' });
      return { cache, close: () => cache.close() };
    },
  },
);
