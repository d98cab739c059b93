import { etcdDriver } from '@infra-kit/coord/etcd';
import { describeBindings } from './binding.behaviour.js';
import { describeBindingSnapshots } from './binding-snapshot.behaviour.js';
import { describeConfigSource } from './config-source.behaviour.js';
import { describeWatches } from './config-watch.behaviour.js';
import { describeDocuments } from './documents.behaviour.js';
import { ownEtcd } from './fixtures/etcd-server.js';

const etcd = ownEtcd();
// a server of its own: compaction would reach into other suites
const target = {
  name: 'etcd',
  driver: () => etcdDriver({ endpoints: [etcd.server.url] }),
  compact: async (revision: bigint) => {
    await etcd.admin.kv.compact({ revision: `${revision}` });
  },
};

describeDocuments(target);
describeWatches(target);
describeBindings(target);
describeBindingSnapshots(target);
describeConfigSource(target);
