import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import type { IncomingMessage } from '@infra-kit/mq';
import { memoryMq } from './fixtures/memory-mq.js';

const group = 'g';

describe('back-pressure', () => {
  it('pauses the partitions of a slow handler instead of buffering, and goes on', async () => {
    const mq = await memoryMq();
    await mq.sendBatch(
      'slow',
      Array.from({ length: 5000 }, (_, value) => ({ value })),
    );
    const door = Promise.withResolvers<void>();
    const seen: number[] = [];
    const subscription = await mq.subscribe<number>(
      'slow',
      async ({ value }) => {
        await door.promise;
        seen.push(value);
      },
      { group, fromBeginning: true, maxInFlight: 100 },
    );
    await eventually(() => expect(subscription.stats().inFlight).toBeGreaterThan(0));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(subscription.stats().inFlight).toBeLessThanOrEqual(500); // one fetch of the memory driver
    expect(subscription.stats().lag).toBe(5000n);
    door.resolve();
    await mq.testing.drained(group);
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, value) => value));
  });
});

describe('closing', () => {
  it('aborts what runs longer than drainMs; its message comes again', async () => {
    const mq = await memoryMq();
    const seen: string[] = [];
    const first = await mq.subscribe<string>(
      'over',
      async (_message, { signal }) => {
        seen.push('begun');
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        seen.push('aborted');
      },
      { group },
    );
    await mq.send('over', { value: 'x' });
    await eventually(() => expect(seen).toEqual(['begun']));
    await first.close({ drainMs: 20 });
    await eventually(() => expect(seen).toEqual(['begun', 'aborted']));
    await mq.subscribe<string>('over', async ({ value, attempt }) => void seen.push(`${value} ${attempt}`), {
      group,
    });
    await eventually(() => expect(seen.at(-1)).toBe('x 1'));
    expect(await mq.deadLetters.list('over')).toEqual([]);
  });

  it('finishes messages below one that is finished, so that a clean restart repeats nothing', async () => {
    const mq = await memoryMq();
    const handled: number[] = [];
    const door = Promise.withResolvers<void>();
    const handler = async ({ value, key }: IncomingMessage<number>): Promise<void> => {
      if (key === 'slow') await door.promise;
      handled.push(value);
    };
    const first = await mq.subscribe('gaps', handler, { group, concurrency: 2 });
    const keys = ['slow', 'slow', 'slow', 'a', 'b', 'c'];
    await mq.sendBatch(
      'gaps',
      keys.map((key, value) => ({ key, value })),
    );
    await eventually(() => expect(handled).toEqual([3, 4, 5]));
    const closing = first.close();
    door.resolve();
    await closing;
    const second = await mq.subscribe('gaps', handler, { group, concurrency: 2 });
    await mq.send('gaps', { value: 6 });
    await eventually(() => expect(handled.at(-1)).toBe(6));
    expect(handled.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    await second.close();
  });

  it('of the provider drains every subscription', async () => {
    const mq = await memoryMq();
    const done: string[] = [];
    for (const name of ['a', 'b'])
      await mq.subscribe(
        name,
        async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          done.push(name);
        },
        { group: name },
      );
    await mq.send('a', { value: 1 });
    await mq.send('b', { value: 1 });
    await eventually(() => expect(mq.stats().subscriptions.every(({ running }) => running === 1)).toBe(true));
    await mq.close();
    expect(done.toSorted()).toEqual(['a', 'b']);
  });
});

describe('commits by hand', () => {
  it('store what is finished, and nothing is stored without them', async () => {
    const mq = await memoryMq();
    const seen: unknown[] = [];
    const first = await mq.subscribe('hand', async ({ value }) => void seen.push(value), {
      group,
      autoCommit: false,
      fromBeginning: true,
    });
    await mq.sendBatch('hand', [{ value: 1 }, { value: 2 }]);
    await eventually(() => expect(seen).toEqual([1, 2]));
    expect(await mq.admin.lag(group)).toEqual([]);
    await first.commit();
    expect(await mq.admin.lag(group)).toMatchObject([{ committed: 2n, lag: 0n }]);
    await mq.send('hand', { value: 3 });
    await eventually(() => expect(seen).toHaveLength(3));
    await first.close();
    await mq.subscribe('hand', async ({ value }) => void seen.push(value), { group });
    await eventually(() => expect(seen).toEqual([1, 2, 3, 3]));
  });
});
