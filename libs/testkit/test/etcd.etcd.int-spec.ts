import { describe, expect, it } from '@jest/globals';
import { sharedEtcd } from '@infra-kit/testkit';

describe('the shared etcd of a run', () => {
  it('is healthy at every endpoint', async () => {
    for (const endpoint of sharedEtcd().endpoints) {
      const health = await fetch(new URL('/health', endpoint));
      expect(await health.json()).toMatchObject({ health: 'true' });
    }
  });
});
