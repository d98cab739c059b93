import { IsInt, IsString } from 'class-validator';
import { afterEach, describe, expect, it } from '@jest/globals';
import { InfraContext, InfraError } from '@infra-kit/kernel';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { createMq, type IncomingMessage, type MqOptions, type MqProvider } from '@infra-kit/mq';
import { SilentLogger } from './fixtures/silent-logger.js';

const group = 'g';
const open: MqProvider[] = [];

async function memory(options: MqOptions = {}, clock?: FakeClock): Promise<MqProvider> {
  const mq = await createMq(
    { driver: 'memory', ...options },
    { env: 'test', clock, logger: new SilentLogger() },
  );
  open.push(mq);
  return mq;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((mq) => mq.close()));
});

class Order {
  @IsString()
  id = '';
  @IsInt()
  total = 0;
}

describe('a handler', () => {
  it('that hangs is aborted, counts as failed, and its partition goes on', async () => {
    const clock = new FakeClock();
    const mq = await memory({}, clock);
    const seen: unknown[] = [];
    const retry = { attempts: 2, backoffMs: 10, jitter: 0 };
    await mq.subscribe<string>(
      'hang',
      async ({ value, attempt }, { signal }) => {
        seen.push([value, attempt]);
        if (value === 'listens')
          await new Promise((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason as Error)),
          );
        if (value === 'deaf') await new Promise(() => undefined);
      },
      { group, retry, handlerTimeoutMs: 1000 },
    );
    for (const value of ['listens', 'deaf', 'next']) await mq.send('hang', { value });
    for (let round = 0; round < 6; round++) await clock.advance(1100);
    expect(seen).toEqual([
      ['listens', 1],
      ['listens', 2],
      ['deaf', 1],
      ['deaf', 2],
      ['next', 1],
    ]);
    const letters = await mq.deadLetters.list('hang');
    expect(letters.map(({ value, attempts, error }) => [value, attempts, error.code])).toEqual([
      ['listens', 2, 'DEADLINE_EXCEEDED'],
      ['deaf', 2, 'DEADLINE_EXCEEDED'],
    ]);
  });

  it('that is long but says so may go on', async () => {
    const clock = new FakeClock();
    const mq = await memory({}, clock);
    let finished = false;
    await mq.subscribe(
      'long',
      async (_message, context) => {
        for (let part = 0; part < 5; part++) {
          await clock.sleep(800);
          await context.heartbeat();
        }
        finished = true;
      },
      { group, handlerTimeoutMs: 1000 },
    );
    await mq.send('long', { value: 1 });
    for (let part = 0; part < 6; part++) await clock.advance(800);
    expect(finished).toBe(true);
    expect(mq.stats().subscriptions[0]).toMatchObject({ processed: 1, failed: 0 });
  });

  it('runs in the context of its message, without the deadline of its sender and of its subscriber', async () => {
    const mq = await memory();
    const found: unknown[] = [];
    const traceId = 'cd'.repeat(16);
    await InfraContext.run({ timeoutMs: 50 }, () =>
      mq.subscribe(
        'context',
        async () => {
          found.push(
            InfraContext.traceId(),
            InfraContext.remainingMs(),
            InfraContext.current()?.signal?.aborted,
          );
        },
        { group },
      ),
    );
    await InfraContext.run({ traceId, timeoutMs: 5000 }, () => mq.send('context', { value: 1 }));
    await eventually(() => expect(found).toEqual([traceId, Infinity, false]));
  });

  it('gets every trace header, made where the sender has none', async () => {
    const mq = await memory();
    const seen: IncomingMessage<unknown>[] = [];
    await mq.subscribe('traceless', async (message) => void seen.push(message), { group });
    await mq.send('traceless', { value: 1 });
    await eventually(() => expect(seen).toHaveLength(1));
    const { traceparent, 'x-trace-id': traceId, ...rest } = seen[0]?.headers ?? {};
    expect(traceparent).toBe(`00-${traceId}-${traceparent?.slice(36, 52)}-00`);
    expect(rest).toEqual({});
  });
});

describe('values', () => {
  it('become instances of the schema; one that does not fit is a dead letter at once', async () => {
    const mq = await memory();
    const seen: unknown[] = [];
    await mq.subscribe<Order>('orders', async ({ value }) => void seen.push(value), { group, schema: Order });
    for (const value of [{ id: 'a', total: 1 }, { id: 'b', total: 'x' }, 7, null, { id: 'c', total: 3 }])
      await mq.send<unknown>('orders', { value });
    await mq.testing.drained(group);
    expect(seen).toEqual([{ id: 'a', total: 1 }, null, { id: 'c', total: 3 }]);
    expect(seen[0]).toBeInstanceOf(Order);
    const letters = await mq.deadLetters.list('orders');
    expect(letters.map(({ attempts, error }) => [attempts, error.code])).toEqual([
      [1, 'INVALID_ARGUMENT'],
      [1, 'INVALID_ARGUMENT'],
    ]);
    expect(letters[0]?.error.message).toMatch(/total must be an integer/);
  });

  it('pass through a codec of the caller', async () => {
    const mq = await memory({ codec: 'raw' });
    const codec = {
      name: 'upper',
      encode: (value: unknown) => Buffer.from(String(value)),
      decode: (bytes: Buffer) => bytes.toString().toUpperCase(),
    };
    const seen: unknown[] = [];
    await mq.subscribe('texts', async ({ value }) => void seen.push(value), { group, codec });
    await mq.send('texts', { value: 'abc' });
    await eventually(() => expect(seen).toEqual(['ABC']));
  });
});

describe('a message that fails', () => {
  const boom = async (): Promise<void> => {
    throw new InfraError('UNAVAILABLE', 'not now');
  };

  it('with a fatal error is not tried again', async () => {
    const mq = await memory();
    await mq.subscribe('fatal', boom, { group, retry: { attempts: 9, fatal: () => true } });
    await mq.send('fatal', { value: 1 });
    await mq.testing.drained(group);
    expect(await mq.deadLetters.list('fatal')).toMatchObject([
      { attempts: 1, error: { code: 'UNAVAILABLE' } },
    ]);
  });

  it('goes to the topic that was named for it', async () => {
    const mq = await memory();
    await mq.subscribe('named', boom, { group, retry: { attempts: 1 }, deadLetter: 'graveyard' });
    await mq.send('named', { value: 1 });
    await mq.testing.drained(group);
    expect(await mq.admin.topics()).toEqual(['graveyard', 'named']);
    expect(await mq.deadLetters.list('named')).toMatchObject([{ topic: 'named', value: 1 }]);
    expect(await mq.deadLetters.discard('named')).toBe(1);
    expect(await mq.deadLetters.list('named')).toEqual([]);
  });

  it('without dead letters is tried until it succeeds, and never committed before', async () => {
    const mq = await memory();
    let tries = 0;
    const retry = { attempts: 2, backoffMs: 1, maxBackoffMs: 2 };
    const until = async (): Promise<void> => {
      if (++tries < 6) throw new Error('not yet');
    };
    await mq.subscribe('stubborn', until, { group, retry, deadLetter: false });
    await mq.send('stubborn', { value: 1 });
    await mq.testing.drained(group);
    expect(tries).toBe(6);
    expect(await mq.admin.topics()).toEqual(['stubborn']);
  });

  it('in a batch takes the batch with it, one that does not decode goes alone', async () => {
    const mq = await memory();
    const raw = await mq.subscribeBatch<number>(
      'batch',
      async ({ messages }) => {
        if (messages.some(({ value }) => value === 3)) throw new Error('three');
      },
      { group, batchSize: 2, retry: { attempts: 2, backoffMs: 1 } },
    );
    raw.pause();
    for (const value of [1, 2, 3, 4]) await mq.send('batch', { value });
    raw.resume();
    await mq.testing.drained(group);
    const letters = await mq.deadLetters.list('batch');
    expect(letters.map(({ value, attempts }) => [value, attempts])).toEqual([
      [3, 2],
      [4, 2],
    ]);
  });
});

describe('back-pressure', () => {
  it('pauses the partitions of a slow handler instead of buffering, and goes on', async () => {
    const mq = await memory();
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
    const mq = await memory();
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
    const mq = await memory();
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
    const mq = await memory();
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
    const mq = await memory();
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
