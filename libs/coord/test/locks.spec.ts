import { describe, it } from '@jest/globals';
import { FakeClock, lockServiceSuite } from '@infra-kit/kernel/testing';
import { MemoryCoordDriver, MemoryCoordStore } from '@infra-kit/coord';
import { lockMember } from './fixtures/lock-member.js';

const clock = new FakeClock();
const store = new MemoryCoordStore({ clock });

lockServiceSuite(
  { describe, it },
  {
    name: 'memory',
    open: () => lockMember(new MemoryCoordDriver({ store }), '/infra', clock),
    ttlMs: 10_000,
    fair: true,
    passTime: (ms) => clock.advance(ms),
    now: () => clock.monotonic(),
  },
);
