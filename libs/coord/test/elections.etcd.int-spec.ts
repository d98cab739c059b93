import { etcdDriver } from '@infra-kit/coord/etcd';
import { sharedEtcd } from '@infra-kit/testkit';
import { describeElections } from './elections.behaviour.js';

describeElections({
  name: 'etcd',
  driver: () => etcdDriver({ endpoints: sharedEtcd().endpoints }),
  compact: () => {
    throw new Error('not on a shared server');
  },
});
