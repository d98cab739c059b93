import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '@infra-kit/kernel/testing';
import {
  createCoord,
  MemoryCoordDriver,
  MemoryCoordStore,
  type CoordDriver,
  type CoordProvider,
  type Txn,
} from '@infra-kit/coord';
import { faultyCoord, type FaultyCoord } from '@infra-kit/coord/testing';

interface Cluster {
  readonly clock: FakeClock;
  readonly store: MemoryCoordStore;
  readonly open: () => Promise<{ coord: CoordProvider; faults: FaultyCoord }>;
}

function cluster(): Cluster {
  const clock = new FakeClock();
  const store = new MemoryCoordStore({ clock });
  return {
    clock,
    store,
    open: async () => {
      const faults = faultyCoord(new MemoryCoordDriver({ store }));
      return { coord: await createCoord({ driver: faults.driver }, { env: 'test', clock }), faults };
    },
  };
}

/** A way to the store on which one transaction can be held up, and arrives later. */
function delayingTxn(real: CoordDriver) {
  let delay = false;
  let held: Txn | undefined;
  const driver = new Proxy(real, {
    get(target, member) {
      if (member === 'txn' && delay)
        return (txn: Txn) => {
          held = txn;
          delay = false;
          return new Promise(() => undefined);
        };
      const value: unknown = Reflect.get(target, member);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    driver,
    delayNext: () => void (delay = true),
    arrive: (store: MemoryCoordStore) => store.txn(held ?? {}),
  };
}

const keysIn = (store: MemoryCoordStore): string[] =>
  store.range({ prefix: '/infra/ids/' }).kvs.map(({ key, value }) => `${key}=${value}`);

describe('instance ids', () => {
  it('are the lowest free ones', async () => {
    const { coord } = await cluster().open();
    const [one, two, three] = [
      await coord.instanceIds.acquire('orders', 5),
      await coord.instanceIds.acquire('orders', 5),
      await coord.instanceIds.acquire('orders', 5),
    ];
    await two.release();
    const again = await coord.instanceIds.acquire('orders', 5);
    expect([one.id, two.id, three.id, again.id]).toEqual([1, 2, 3, 2]);
    await coord.close();
  });

  it('of 200 who want one of 200 at once, each gets its own', async () => {
    const { coord } = await cluster().open();
    const all = await Promise.all(
      Array.from({ length: 200 }, () => coord.instanceIds.acquire('orders', 200)),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(200);
    await expect(coord.instanceIds.acquire('orders', 200)).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      retryable: false,
    });
    await coord.close();
  });

  it('stand at {prefix}/ids/{service}/{n}, the mark beside them and outliving them', async () => {
    const { open, store } = cluster();
    const { coord } = await open();
    const lease = await coord.instanceIds.acquire('orders', 1);
    await lease.saveHighWater(5000);
    expect(keysIn(store)).toEqual([
      expect.stringMatching(/^\/infra\/ids\/orders\/1=service@.+:\d+$/),
      '/infra/ids/orders/1/mark=5000',
    ]);
    await coord.close();
    expect(keysIn(store)).toEqual(['/infra/ids/orders/1/mark=5000']);
  });

  it('a mark may be lowered', async () => {
    const { open, store } = cluster();
    const { coord } = await open();
    const lease = await coord.instanceIds.acquire('orders', 1);
    await lease.saveHighWater(9000);
    await lease.saveHighWater(4000);
    expect(keysIn(store)).toContain('/infra/ids/orders/1/mark=4000');
    await coord.close();
  });

  it('a save that was given up for lost does nothing when it arrives after a later one, nor after the next owner', async () => {
    const store = new MemoryCoordStore();
    const delayed = delayingTxn(new MemoryCoordDriver({ store }));
    const coord = await createCoord({ driver: delayed.driver, requestTimeoutMs: 30 }, { env: 'test' });
    const lease = await coord.instanceIds.acquire('orders', 1);
    delayed.delayNext();
    await expect(lease.saveHighWater(9000)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await lease.saveHighWater(4000);
    delayed.arrive(store);
    expect(keysIn(store)).toContain('/infra/ids/orders/1/mark=4000');

    delayed.delayNext();
    await expect(lease.saveHighWater(9000)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await lease.release();
    await coord.instanceIds.acquire('orders', 1);
    delayed.arrive(store);
    expect(keysIn(store)).toContain('/infra/ids/orders/1/mark=4000');
    await coord.close();
  });

  it('a save whose answer was lost does not stop the next one', async () => {
    const { open, store } = cluster();
    const { coord, faults } = await open();
    const lease = await coord.instanceIds.acquire('orders', 1);
    faults.loseAnswers();
    await expect(lease.saveHighWater(9000)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(keysIn(store)).toContain('/infra/ids/orders/1/mark=9000');
    faults.mend();
    await lease.saveHighWater(4000);
    expect(keysIn(store)).toContain('/infra/ids/orders/1/mark=4000');
    await coord.close();
  });

  it('a holder cut off knows of its loss before another has the id', async () => {
    const { open, clock } = cluster();
    const [one, two] = [await open(), await open()];
    const lost = await one.coord.instanceIds.acquire('orders', 1, { ttlMs: 2000 });
    one.faults.cut();
    await clock.advance(1999);
    expect(lost.signal.aborted).toBe(true);
    expect(lost.remainingMs()).toBeLessThanOrEqual(0);
    await expect(two.coord.instanceIds.acquire('orders', 1)).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
    });
    await clock.advance(1);
    const next = await two.coord.instanceIds.acquire('orders', 1);
    one.faults.mend();
    await lost.release();
    await expect(lost.saveHighWater(1)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(next.remainingMs()).toBeGreaterThan(0);
    await Promise.all([one.coord.close(), two.coord.close()]);
  });

  it('nothing is left behind by one who gave up while the store was slow', async () => {
    const { open, store } = cluster();
    const { coord, faults } = await open();
    for (const call of ['range', 'grant', 'txn'] as const) {
      faults.hang([call]);
      await expect(coord.instanceIds.acquire('orders', 1, { timeoutMs: 20 })).rejects.toMatchObject({
        code: 'DEADLINE_EXCEEDED',
      });
      faults.heal();
      await (await coord.instanceIds.acquire('orders', 1)).release(); // behind what the store had put off
      expect({ call, keys: keysIn(store), leases: store.describe()['leases'] }).toEqual({
        call,
        keys: [],
        leases: 0,
      });
    }
    await coord.close();
  });

  it('a mark that is no time is DATA_LOSS, naming its key', async () => {
    const { open, store } = cluster();
    const { coord } = await open();
    store.txn({ success: [{ kind: 'put', key: '/infra/ids/orders/1/mark', value: 'soon' }] });
    await expect(coord.instanceIds.acquire('orders', 1)).rejects.toMatchObject({
      code: 'DATA_LOSS',
      message: expect.stringContaining('/infra/ids/orders/1/mark'),
    });
    expect(store.describe()['leases']).toBe(0);
    await coord.close();
  });

  it.each([
    ['', 1, {}],
    ['a/b', 1, {}],
    ['a', 0, {}],
    ['a', 1.5, {}],
    ['a', 70_000, {}],
    ['a', 1, { ttlMs: 1999 }],
    ['a', 1, { ttlMs: Number.NaN }],
  ])('refuses service %j, max %j, %j', async (service, max, options) => {
    const { coord } = await cluster().open();
    await expect(coord.instanceIds.acquire(service, max, options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await coord.close();
  });

  it('refuses a mark that is no time', async () => {
    const { coord } = await cluster().open();
    const lease = await coord.instanceIds.acquire('orders', 1);
    await expect(lease.saveHighWater(Number.NaN)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await coord.close();
  });
});
