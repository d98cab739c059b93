import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from '@jest/globals';
import { etcdDriver } from '@infra-kit/coord/etcd';
import { sharedEtcd, uniqueName } from '@infra-kit/testkit';
import { workerIdSourceContract } from '@infra-kit/uid/testing';
import { workerIdHarness } from './fixtures/worker-id-harness.js';

const LEAST_TTL_MS = 2000;

describe("coord's instance ids in etcd, as uid wants its worker ids,", () => {
  const contract = workerIdSourceContract(
    async () =>
      workerIdHarness({
        open: () => etcdDriver({ endpoints: sharedEtcd().endpoints }),
        prefix: `/${uniqueName('worker-ids')}`,
        pass: (ms) => sleep(ms),
      }),
    { ttlMs: LEAST_TTL_MS },
  );
  for (const { name, run } of contract) it(name, run);
});
