import { etcdDriver } from '@infra-kit/coord/etcd';
import { ownEtcd } from './fixtures/etcd-server.js';
import { describeRegistry } from './registry.behaviour.js';

const etcd = ownEtcd();

describeRegistry({
  name: 'etcd',
  driver: () => etcdDriver({ endpoints: [etcd.server.url] }),
  compact: async (revision) => {
    await etcd.admin.kv.compact({ revision: `${revision}` });
  },
});
