import { describe, it } from '@jest/globals';
import { etcdDriver } from '@infra-kit/coord/etcd';
import { coordDriverSuite } from '@infra-kit/coord/testing';
import { ownEtcd } from './fixtures/etcd-server.js';

const etcd = ownEtcd();

// a server of its own: compaction would reach into other suites
coordDriverSuite(
  { describe, it },
  {
    name: 'etcd',
    open: () => etcdDriver({ endpoints: [etcd.server.url] }),
    compact: async (revision) => {
      await etcd.admin.kv.compact({ revision: `${revision}` });
    },
    leastTtlMs: 2000,
  },
);
