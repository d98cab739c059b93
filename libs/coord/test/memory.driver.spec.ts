import { describe, expect, it } from '@jest/globals';
import { MemoryCoordDriver, MemoryCoordStore, type WatchSignal } from '@infra-kit/coord';
import { coordDriverSuite } from '@infra-kit/coord/testing';
import { FakeClock } from '@infra-kit/kernel/testing';

const clock = new FakeClock();
const store = new MemoryCoordStore({ clock });

coordDriverSuite(
  { describe, it },
  {
    name: 'memory',
    open: () => new MemoryCoordDriver({ store }),
    compact: (revision) => store.compact(revision),
    passTime: (ms) => clock.advance(ms),
  },
);

const ANY_TIME = { signal: new AbortController().signal };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the memory driver', () => {
  it('keeps a bounded history: a watch further back is told that it is compacted', async () => {
    const driver = new MemoryCoordDriver({ store: new MemoryCoordStore({ maxHistory: 100 }) });
    for (let n = 0; n < 500; n++)
      await driver.txn({ success: [{ kind: 'put', key: '/a', value: `${n}` }] }, ANY_TIME);
    const signals: WatchSignal[] = [];
    driver.watch({ key: '/a' }, 2n, (signal) => signals.push(signal));
    await turn();
    expect(signals.at(-1)?.type).toBe('compacted');
  });

  it('a watch that keeps up is never compacted, however much is written', async () => {
    const driver = new MemoryCoordDriver({ store: new MemoryCoordStore({ maxHistory: 100 }) });
    const signals: WatchSignal[] = [];
    driver.watch({ key: '/other' }, 2n, (signal) => signals.push(signal));
    for (let n = 0; n < 500; n++)
      await driver.txn({ success: [{ kind: 'put', key: '/a', value: `${n}` }] }, ANY_TIME);
    await driver.txn({ success: [{ kind: 'put', key: '/other', value: '1' }] }, ANY_TIME);
    await turn();
    expect(signals.map(({ type }) => type)).toEqual(['attached', 'changes']);
  });

  it('a lease ends on time although nobody looks at the store', async () => {
    const own = new FakeClock();
    const driver = new MemoryCoordDriver({ clock: own });
    const { id } = await driver.grant(1000, ANY_TIME);
    await driver.txn({ success: [{ kind: 'put', key: '/a', value: '1', lease: id }] }, ANY_TIME);
    const signals: WatchSignal[] = [];
    driver.watch({ key: '/a' }, 3n, (signal) => signals.push(signal));
    await own.advance(999);
    expect(signals).toHaveLength(1);
    await own.advance(1);
    expect(signals.at(-1)).toEqual({
      type: 'changes',
      revision: 3n,
      events: [{ type: 'delete', key: '/a' }],
    });
    expect(own.pending).toBe(0);
  });

  it('a listener that throws hurts no other', async () => {
    const driver = new MemoryCoordDriver();
    const signals: WatchSignal[] = [];
    driver.watch({ key: '/a' }, 2n, () => {
      throw new Error('a listener of the test');
    });
    driver.watch({ key: '/a' }, 2n, (signal) => signals.push(signal));
    await driver.txn({ success: [{ kind: 'put', key: '/a', value: '1' }] }, ANY_TIME);
    await turn();
    expect(signals).toHaveLength(2);
  });
});
