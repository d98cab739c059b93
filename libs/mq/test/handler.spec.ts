import { IsInt, IsString } from 'class-validator';
import { describe, expect, it } from '@jest/globals';
import { InfraContext } from '@infra-kit/kernel';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import type { IncomingMessage } from '@infra-kit/mq';
import { memoryMq } from './fixtures/memory-mq.js';

const group = 'g';

class Order {
  @IsString()
  id = '';
  @IsInt()
  total = 0;
}

describe('a handler', () => {
  it('that hangs is aborted, counts as failed, and its partition goes on', async () => {
    const clock = new FakeClock();
    const mq = await memoryMq({}, clock);
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
    const mq = await memoryMq({}, clock);
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
    const mq = await memoryMq();
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
    const mq = await memoryMq();
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
    const mq = await memoryMq();
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
    const mq = await memoryMq({ codec: 'raw' });
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
