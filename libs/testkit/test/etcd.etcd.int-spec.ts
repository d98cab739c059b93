import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Etcd3 } from 'etcd3';
import { sharedEtcd, uniquePrefix } from '@infra-kit/testkit';

describe('the shared etcd of a run', () => {
  let etcd: Etcd3;
  beforeAll(() => {
    etcd = new Etcd3({ hosts: [...sharedEtcd().endpoints] });
  });
  afterAll(() => etcd.close());

  it('answers a real client, and two namespaces never meet', async () => {
    const [mine, yours] = [uniquePrefix('a', '/'), uniquePrefix('a', '/')];
    await etcd.namespace(mine).put('key').value('1');
    expect(await etcd.namespace(mine).get('key').string()).toBe('1');
    expect(await etcd.namespace(yours).get('key').string()).toBeNull();
    await etcd.namespace(mine).delete().all();
  });

  it('is healthy at every endpoint', async () => {
    for (const endpoint of sharedEtcd().endpoints) {
      const health = await fetch(new URL('/health', endpoint));
      expect(await health.json()).toMatchObject({ health: 'true' });
    }
  });
});
