import { describe, it } from '@jest/globals';
import { redisDriver } from '@infra-kit/cache/redis';
import { lockServiceSuite } from '@infra-kit/kernel/testing';
import { sharedRedisCluster } from '@infra-kit/testkit';
import { lockMember } from './fixtures/lock-member.js';

const clusterNodes = (): { host: string; port: number }[] =>
  sharedRedisCluster().nodes.map(({ host, port }) => ({ host, port }));

lockServiceSuite(
  { describe, it },
  {
    name: 'Redis Cluster',
    open: () => lockMember(redisDriver({ clusterNodes: clusterNodes() }), { closesStore: true }),
    ttlMs: 1500,
    fair: true,
  },
);
