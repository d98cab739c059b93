import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '@infra-kit/kernel/testing';
import { faultyCoord } from '@infra-kit/coord/testing';
import {
  createCoord,
  MemoryCoordDriver,
  MemoryCoordStore,
  type CoordDriver,
  type Txn,
} from '@infra-kit/coord';

const put = (value: string) => [{ kind: 'put', key: '/data', value }] as const;

async function setUp(driver?: (store: MemoryCoordStore) => CoordDriver) {
  const clock = new FakeClock();
  const store = new MemoryCoordStore({ clock });
  const faults = faultyCoord(driver?.(store) ?? new MemoryCoordDriver({ store }));
  const coord = await createCoord({ driver: faults.driver }, { env: 'test', clock });
  const data = () => store.range({ key: '/data' }).kvs[0]?.value;
  return { clock, store, coord, faults, data };
}

describe('a guarded transaction', () => {
  it('is carried out while the lock is held, all of it at one revision', async () => {
    const { coord, data, store } = await setUp();
    const lock = await coord.locks.acquire('a');
    const { revision, values } = await coord.locks.guard(lock, [
      { kind: 'put', key: '/other', value: '2' },
      ...put('1'),
      { kind: 'get', key: '/data' },
      { kind: 'get', key: '/none' },
    ]);
    expect(values).toEqual([undefined, undefined, '1', undefined]);
    expect(revision).toBe(store.revision);
    await coord.locks.guard(lock, [{ kind: 'delete', key: '/data' }]);
    expect(data()).toBeUndefined();
    await coord.close();
  });

  it('is refused with a LockLostError after release, and after the lock was lost', async () => {
    const { coord, clock, faults, data } = await setUp();
    const released = await coord.locks.acquire('a');
    await released.release();
    await expect(coord.locks.guard(released, put('1'))).rejects.toMatchObject({
      name: 'LockLostError',
      code: 'FAILED_PRECONDITION',
      retryable: true,
    });
    const lost = await coord.locks.acquire('b', { ttlMs: 2000 });
    faults.cut();
    await clock.advance(2000);
    faults.mend();
    await expect(coord.locks.guard(lost, put('1'))).rejects.toMatchObject({ name: 'LockLostError' });
    expect(data()).toBeUndefined();
    await coord.close();
  });

  it('is refused by the store when it arrives after the lock has passed to another', async () => {
    let held: Txn | undefined;
    let delay = false;
    const { coord, store, data } = await setUp((shared) => {
      const real = new MemoryCoordDriver({ store: shared });
      const txn = real.txn.bind(real);
      real.txn = (asked, call) => {
        if (!delay) return txn(asked, call);
        held = asked;
        return new Promise(() => undefined);
      };
      return real;
    });
    const first = await coord.locks.acquire('a');
    delay = true;
    const late = coord.locks.guard(first, put('late'), { timeoutMs: 20 });
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    delay = false;
    await first.release();
    const second = await coord.locks.acquire('a');
    await coord.locks.guard(second, put('right'));
    expect(store.txn(held ?? {}).succeeded).toBe(false);
    expect(data()).toBe('right');
    // the control: the same write without the guard goes through
    store.txn({ success: held?.success });
    expect(data()).toBe('late');
    await coord.close();
  });

  it('refuses a lock of another coord, and ops that are none', async () => {
    const [one, two] = [await setUp(), await setUp()];
    const lock = await one.coord.locks.acquire('a');
    await expect(two.coord.locks.guard(lock, put('1'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    for (const ops of [
      [],
      [{ kind: 'move', key: '/data' }],
      [{ kind: 'put', key: '/data' }],
      [{ kind: 'delete', key: '' }],
      Array.from({ length: 101 }, () => ({ kind: 'get', key: '/data' })),
    ])
      await expect(one.coord.locks.guard(lock, ops as [])).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    await one.coord.close();
    await two.coord.close();
  });
});
