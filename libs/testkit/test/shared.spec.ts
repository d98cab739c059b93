import { afterEach, describe, expect, it } from '@jest/globals';
import { sharedEtcd, sharedRedis } from '@infra-kit/testkit';

describe('the shared servers of a run', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = { ...before };
  });

  it('are found by the address in the environment, password and comma included', () => {
    process.env.INFRA_TEST_REDIS_URL = 'redis://:a,b@cache.test:7000/2';
    expect(sharedRedis()).toEqual({
      kind: 'redis',
      url: 'redis://:a,b@cache.test:7000/2',
      host: 'cache.test',
      port: 7000,
    });
  });

  it('may be several endpoints of one etcd', () => {
    process.env.INFRA_TEST_ETCD_ENDPOINTS = 'http://a.test:2379, http://b.test';
    expect(sharedEtcd()).toMatchObject({
      url: 'http://a.test:2379',
      port: 2379,
      endpoints: ['http://a.test:2379', 'http://b.test'],
    });
  });

  it('are refused with the way to get them when the run has none', () => {
    delete process.env.INFRA_TEST_REDIS_URL;
    expect(() => sharedRedis()).toThrow('INFRA_TEST_REDIS_URL is not set; run the suite with npm test');
  });
});
