import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '@infra-kit/kernel/testing';
import { WorkerIdSource, type WorkerIdLease, type WorkerIdOptions } from '@infra-kit/uid';
import {
  LeasedWorkerIds,
  leasedWorkerIds,
  workerIdSourceContract,
  type WorkerIdHarness,
} from '@infra-kit/uid/testing';

import { but } from './fixtures/lease-bench.js';

type Wrap = (lease: WorkerIdLease, service: string) => WorkerIdLease;

function harnessOver(make: (inner: LeasedWorkerIds) => WorkerIdSource): () => Promise<WorkerIdHarness> {
  return async () => {
    const clock = new FakeClock();
    const inner = leasedWorkerIds(clock);
    const source = make(inner);
    return {
      source,
      service: 'orders',
      silence: (lease) => inner.silence(source instanceof Altered ? source.inner(lease) : lease),
      pass: (ms) => clock.advance(ms),
      close: async () => undefined,
    };
  };
}

/** The source in memory with one promise broken. */
class Altered extends WorkerIdSource {
  readonly #source: WorkerIdSource;
  readonly #wrap: Wrap;
  readonly #inner = new WeakMap<WorkerIdLease, WorkerIdLease>();

  constructor(source: WorkerIdSource, wrap: Wrap) {
    super();
    this.#source = source;
    this.#wrap = wrap;
  }

  inner(lease: WorkerIdLease): WorkerIdLease {
    return this.#inner.get(lease) ?? lease;
  }

  override async acquire(service: string, max: number, options?: WorkerIdOptions): Promise<WorkerIdLease> {
    const lease = await this.#source.acquire(service, max, options);
    const altered = this.#wrap(lease, service);
    this.#inner.set(altered, lease);
    return altered;
  }
}

describe('leasedWorkerIds keeps the contract of a WorkerIdSource', () => {
  for (const { name, run } of workerIdSourceContract(harnessOver((inner) => inner))) it(name, run);
});

describe('the contract finds a source that', () => {
  const NEVER = new AbortController().signal;
  const marks = new Map<string, number>();
  const broken: Record<string, (inner: LeasedWorkerIds) => WorkerIdSource> = {
    'gives one id twice': (inner) => new Altered(inner, (lease) => but(lease, { id: 1 })),
    'forgets which service asked': (inner) => {
      const source = new Altered(inner, (lease) => lease);
      return Object.assign(source, {
        acquire: (_service: string, max: number, options?: WorkerIdOptions) =>
          inner.acquire('all', max, options),
      });
    },
    'believes in a lease that ran out': (inner) =>
      new Altered(inner, (lease) => but(lease, { remainingMs: () => 1000 })),
    'does not signal the loss': (inner) => new Altered(inner, (lease) => but(lease, { signal: NEVER })),
    'frees an id that is released by a former holder': (inner) => {
      let newest: WorkerIdLease;
      return new Altered(inner, (lease) => {
        newest = lease;
        return but(lease, { release: () => newest.release() });
      });
    },
    'forgets the high-water mark': (inner) =>
      new Altered(inner, (lease) => but(lease, { highWaterMs: undefined })),
    'stores the mark of a lost lease': (inner) =>
      new Altered(inner, (lease) => but(lease, { saveHighWater: async () => undefined })),
    'never lowers the mark': (inner) =>
      new Altered(inner, (lease, service) =>
        but(lease, {
          saveHighWater: (ms) => {
            const highest = Math.max(ms, marks.get(service) ?? 0);
            marks.set(service, highest);
            return lease.saveHighWater(highest);
          },
        }),
      ),
    'does not heed a cancellation': (inner) => {
      const source = new Altered(inner, (lease) => lease);
      return Object.assign(source, {
        acquire: (service: string, max: number, { ttlMs }: WorkerIdOptions = {}) =>
          inner.acquire(service, max, { ttlMs }),
      });
    },
  };

  it.each(Object.entries(broken))('%s', async (_name, make) => {
    const results = await Promise.allSettled(
      workerIdSourceContract(harnessOver(make)).map(({ run }) => run()),
    );
    expect(results.filter(({ status }) => status === 'rejected')).not.toHaveLength(0);
  });
});
