import { describe, it } from '@jest/globals';
import { FakeClock } from '@infra-kit/kernel/testing';
import { MemoryCoordDriver, MemoryCoordStore } from '@infra-kit/coord';
import { workerIdSourceContract } from '@infra-kit/uid/testing';
import { workerIdHarness } from './fixtures/worker-id-harness.js';

describe("coord's instance ids in memory, as uid wants its worker ids,", () => {
  const contract = workerIdSourceContract(async () => {
    const clock = new FakeClock();
    const store = new MemoryCoordStore({ clock });
    return workerIdHarness({
      open: () => new MemoryCoordDriver({ store }),
      prefix: '/infra',
      clock,
      pass: (ms) => clock.advance(ms),
    });
  });
  for (const { name, run } of contract) it(name, run);
});
