import { describe, it } from '@jest/globals';
import { lockServiceSuite } from '@infra-kit/kernel/testing';
import { sharedEtcd, uniqueName } from '@infra-kit/testkit';
import { etcdDriver } from '@infra-kit/coord/etcd';
import { lockMember } from './fixtures/lock-member.js';

const prefix = `/${uniqueName('locks')}`;

lockServiceSuite(
  { describe, it },
  {
    name: 'etcd',
    open: () => lockMember(etcdDriver({ endpoints: sharedEtcd().endpoints }), prefix),
    ttlMs: 2000,
    fair: true,
  },
);
