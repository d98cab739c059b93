import { describe, expect, it } from '@jest/globals';
import { MemoryCoordDriver, MemoryCoordStore, type WatchSignal } from '@infra-kit/coord';
import { faultyCoord } from '@infra-kit/coord/testing';

const ANY_TIME = { signal: new AbortController().signal };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp() {
  const store = new MemoryCoordStore();
  const faults = faultyCoord(new MemoryCoordDriver({ store }));
  const other = new MemoryCoordDriver({ store });
  const put = (value: string) => other.txn({ success: [{ kind: 'put', key: '/a', value }] }, ANY_TIME);
  const signals: WatchSignal[] = [];
  faults.driver.watch({ key: '/a' }, 2n, (signal) => signals.push(signal));
  return { store, faults, put, signals };
}

describe('a driver whose connection is cut', () => {
  it('rejects calls, interrupts watches, and goes on where it was', async () => {
    const { faults, put, signals } = setUp();
    await put('1');
    await turn();
    faults.cut();
    await expect(faults.driver.ping(ANY_TIME)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(faults.driver.state).toBe('down');
    await put('2');
    await turn();
    faults.mend();
    await turn();
    expect(signals.map(({ type }) => type)).toEqual([
      'attached',
      'changes',
      'interrupted',
      'attached',
      'changes',
    ]);
    await faults.driver.ping(ANY_TIME);
  });

  it('tells a watch that compaction overtook it meanwhile', async () => {
    const { store, faults, put, signals } = setUp();
    await turn();
    faults.cut();
    await put('1');
    await put('2');
    store.compact(3n);
    faults.mend();
    await turn();
    expect(signals.map(({ type }) => type)).toEqual(['attached', 'interrupted', 'attached', 'compacted']);
  });

  it('can carry calls out and lose their answers', async () => {
    const { store, faults } = setUp();
    faults.loseAnswers();
    const put = { kind: 'put', key: '/b', value: '1' } as const;
    await expect(faults.driver.txn({ success: [put] }, ANY_TIME)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(store.range({ key: '/b' }).count).toBe(1);
  });
});
