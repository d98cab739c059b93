import { describe, expect, it } from '@jest/globals';
import { createCoord, MemoryCoordDriver, MemoryCoordStore } from '@infra-kit/coord';
import { CapturedLogger } from './coord-bench.js';

const lost = { name: 'LockLostError', code: 'FAILED_PRECONDITION' };

describe('what is held when the coord closes', () => {
  it('is lost: its holder knows before another can have it, and giving it back resolves', async () => {
    const store = new MemoryCoordStore();
    const logger = new CapturedLogger();
    const driver = new MemoryCoordDriver({ store });
    const coord = await createCoord({ driver, prefix: '' }, { env: 'test', logger });
    const lock = await coord.locks.acquire('a');
    const leadership = await coord.elections.campaign('b', { value: 'me' });
    const id = await coord.instanceIds.acquire('c', 5);
    const held = [lock, leadership, id];
    const stillThere: number[] = [];
    for (const { signal } of held)
      signal.addEventListener('abort', () => {
        stillThere.push(store.range({ prefix: '/' }).kvs.length);
      });
    await coord.close();
    expect(stillThere).toEqual([3, 3, 3]);
    expect(store.range({ prefix: '/' }).kvs).toEqual([]);
    for (const { signal } of held) expect(signal.reason).toMatchObject(lost);
    for (const each of held) expect(each.remainingMs()).toBe(0);
    await lock.release();
    await leadership.resign();
    await id.release();
    expect(logger.lines).toEqual([]);
  });

  it('ends withLock with the loss, once its function has settled', async () => {
    const coord = await createCoord({ driver: 'memory' }, { env: 'test' });
    const entered = Promise.withResolvers<void>();
    const work = coord.locks.withLock('a', {}, async ({ signal }) => {
      entered.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const rejected = expect(work).rejects.toMatchObject(lost);
    await entered.promise;
    await coord.close();
    await rejected;
  });
});
