import assert from 'node:assert/strict';
import { isInfraError, type InfraErrorCode } from '@infra-kit/kernel';
import type { WorkerIdLease, WorkerIdSource } from '../worker-id-source.js';

/** One source over one store, and the faults the contract speaks of. */
export interface WorkerIdHarness {
  readonly source: WorkerIdSource;
  /** A service name that nothing else uses. */
  readonly service: string;
  /** Cuts the holder of this lease off: no renewal of it arrives at the store any more. */
  silence(lease: WorkerIdLease): void | Promise<void>;
  /** Lets time pass: moves a fake clock on, or waits. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface ContractOptions {
  /** The ttl of the leases in milliseconds; the shortest the source takes. Default 2,000. */
  readonly ttlMs?: number | undefined;
  /** How long after the ttl the store may take to free an id. Default 3,000. */
  readonly graceMs?: number | undefined;
}

/** One promise of the contract: for `it(promise.name, promise.run)`, in any test runner. */
export interface ContractPromise {
  readonly name: string;
  readonly run: () => Promise<void>;
}

type Body = (harness: WorkerIdHarness, ttlMs: number, graceMs: number) => Promise<void>;

async function rejectsWith(code: InfraErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isInfraError(error), `expected an InfraError, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return true;
  });
}

const STEPS_A_TTL = 10;

/** Waits until the only id of the service can be had again; each time before, asks `look` what its former holder believes. */
async function succeed(
  harness: WorkerIdHarness,
  { ttlMs, withinMs, look }: { ttlMs: number; withinMs: number; look: () => void },
): Promise<WorkerIdLease> {
  for (let passed = 0; ; passed += ttlMs / STEPS_A_TTL) {
    const next = await harness.source.acquire(harness.service, 1, { ttlMs }).catch((error: unknown) => {
      assert.ok(isInfraError(error) && error.code === 'RESOURCE_EXHAUSTED', String(error));
      assert.ok(passed <= withinMs, `the id was not free ${passed} ms after its holder fell silent`);
    });
    if (next !== undefined) {
      look();
      return next;
    }
    await harness.pass(ttlMs / STEPS_A_TTL);
  }
}

const PROMISES: Readonly<Record<string, Body>> = {
  'gives every id of 1 to the largest once, then RESOURCE_EXHAUSTED': async ({ source, service }, ttlMs) => {
    const all = Array.from({ length: 5 }, () => source.acquire(service, 5, { ttlMs }));
    const ids = (await Promise.all(all)).map(({ id }) => id);
    assert.deepEqual(
      ids.toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5],
    );
    await rejectsWith('RESOURCE_EXHAUSTED', source.acquire(service, 5, { ttlMs }));
  },

  'keeps services apart': async ({ source, service }, ttlMs) => {
    const one = await source.acquire(service, 1, { ttlMs });
    const other = await source.acquire(`${service}-other`, 1, { ttlMs });
    assert.deepEqual([one.id, other.id], [1, 1]);
  },

  'a released id is free again, and releasing twice frees it once': async ({ source, service }, ttlMs) => {
    const first = await source.acquire(service, 1, { ttlMs });
    await first.release();
    const second = await source.acquire(service, 1, { ttlMs });
    await first.release();
    assert.equal(first.signal.aborted, false, 'release is no loss');
    assert.ok(second.remainingMs() > 0);
    await rejectsWith('RESOURCE_EXHAUSTED', source.acquire(service, 1, { ttlMs }));
  },

  'a lease lives on past its ttl while it can be renewed': async (harness, ttlMs) => {
    const { source, service } = harness;
    const lease = await source.acquire(service, 1, { ttlMs });
    for (let step = 0; step < 3 * STEPS_A_TTL; step++) {
      await harness.pass(ttlMs / STEPS_A_TTL);
      const remaining = lease.remainingMs();
      assert.ok(remaining > 0 && remaining <= ttlMs, `${remaining} ms remain`);
    }
    assert.equal(lease.signal.aborted, false);
    await rejectsWith('RESOURCE_EXHAUSTED', source.acquire(service, 1, { ttlMs }));
  },

  'a holder that cannot renew knows of its loss before another has the id': async (
    harness,
    ttlMs,
    graceMs,
  ) => {
    const lost = await harness.source.acquire(harness.service, 1, { ttlMs });
    await harness.silence(lost);
    const next = await succeed(harness, {
      ttlMs,
      withinMs: ttlMs + graceMs,
      look: () => {
        assert.ok(lost.remainingMs() <= 0, `the former holder believes in ${lost.remainingMs()} ms`);
        assert.ok(lost.signal.aborted, 'the signal has aborted');
      },
    });
    assert.equal(next.id, 1);
    assert.ok(next.remainingMs() > 0);
  },

  'a lost lease stores nothing and its release touches nobody': async (harness, ttlMs, graceMs) => {
    const { source, service } = harness;
    const lost = await source.acquire(service, 1, { ttlMs });
    await lost.saveHighWater(1000);
    await harness.silence(lost);
    const withinMs = ttlMs + graceMs;
    const next = await succeed(harness, { ttlMs, withinMs, look: () => undefined });
    await rejectsWith('FAILED_PRECONDITION', lost.saveHighWater(9000));
    await lost.release();
    await rejectsWith('RESOURCE_EXHAUSTED', source.acquire(service, 1, { ttlMs }));
    assert.equal(next.highWaterMs, 1000, 'the mark outlives a lease that ran out');
    await next.release();
    assert.equal((await source.acquire(service, 1, { ttlMs })).highWaterMs, 1000);
  },

  'the high-water mark belongs to the id: absent at first, then the last one stored': async (
    { source, service },
    ttlMs,
  ) => {
    const first = await source.acquire(service, 1, { ttlMs });
    assert.equal(first.highWaterMs, undefined);
    await first.saveHighWater(1_800_000_003_000);
    await first.saveHighWater(1_800_000_000_001);
    await first.release();
    const second = await source.acquire(service, 1, { ttlMs });
    assert.equal(second.highWaterMs, 1_800_000_000_001);
    await rejectsWith('FAILED_PRECONDITION', first.saveHighWater(1_900_000_000_000));
  },

  'a cancelled call leaves nothing behind': async ({ source, service }, ttlMs) => {
    await rejectsWith('CANCELLED', source.acquire(service, 1, { ttlMs, signal: AbortSignal.abort() }));
    assert.equal((await source.acquire(service, 1, { ttlMs })).id, 1);
  },
};

/**
 * What every `WorkerIdSource` promises, as cases for any test runner; each opens a harness of its own and closes it.
 * @example for (const { name, run } of workerIdSourceContract(open)) it(name, run);
 */
export function workerIdSourceContract(
  open: () => Promise<WorkerIdHarness>,
  { ttlMs = 2000, graceMs = 3000 }: ContractOptions = {},
): ContractPromise[] {
  return Object.entries(PROMISES).map(([name, body]) => ({
    name,
    run: async (): Promise<void> => {
      const harness = await open();
      try {
        await body(harness, ttlMs, graceMs);
      } finally {
        await harness.close();
      }
    },
  }));
}
