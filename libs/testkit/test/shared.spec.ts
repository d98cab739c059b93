import { afterEach, describe, expect, it } from '@jest/globals';
import { sharedEtcd, sharedKafka, sharedPostgres, sharedRedis, sharedRedisCluster } from '@infra-kit/testkit';

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

  it('may be brokers without a scheme', () => {
    process.env.INFRA_TEST_KAFKA_BROKERS = 'a.test:9093, b.test';
    expect(sharedKafka()).toMatchObject({
      host: 'a.test',
      port: 9093,
      brokers: ['a.test:9093', 'b.test'],
    });
  });

  it('may be the nodes of one Redis Cluster', () => {
    process.env.INFRA_TEST_REDIS_CLUSTER_NODES = 'redis://a.test:7000,redis://:s,t@b.test:7001';
    const { nodes } = sharedRedisCluster();
    expect(nodes.map(({ host, port }) => [host, port])).toEqual([
      ['a.test', 7000],
      ['b.test', 7001],
    ]);
  });

  it('have the usual port where the address names none', () => {
    process.env.INFRA_TEST_DATABASE_URL = 'postgres://user:p%40ss@db.test/app?sslmode=require';
    expect(sharedPostgres()).toMatchObject({ host: 'db.test', port: 5432 });
  });

  it('are refused with the way to get them when the run has none', () => {
    delete process.env.INFRA_TEST_REDIS_URL;
    expect(() => sharedRedis()).toThrow('INFRA_TEST_REDIS_URL is not set; run the suite with npm test');
  });
});
