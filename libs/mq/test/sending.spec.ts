import { describe, expect, it } from '@jest/globals';
import { SystemClock } from '@infra-kit/kernel';
import { faulty, FakeClock } from '@infra-kit/kernel/testing';
import { createMq, type MqOptions, type MqProvider } from '@infra-kit/mq';
import { MemoryBroker, MemoryMqDriver } from '@infra-kit/mq/testing';
import { SilentLogger } from './fixtures/silent-logger.js';

interface Sending {
  readonly mq: MqProvider;
  readonly driver: ReturnType<typeof faulty<MemoryMqDriver>>;
  readonly logger: SilentLogger;
  readonly broker: MemoryBroker;
}

async function sending(
  options: MqOptions = {},
  deps: { clock?: FakeClock; inTransaction?: () => boolean } = {},
): Promise<Sending> {
  const broker = new MemoryBroker({ clock: deps.clock ?? new SystemClock() });
  const driver = faulty(new MemoryMqDriver(broker));
  const logger = new SilentLogger();
  const mq = await createMq({ driver: driver.driver, ...options }, { env: 'test', logger, ...deps });
  return { mq, driver, logger, broker };
}

const refused = { code: 'RESOURCE_EXHAUSTED', retryable: true };

describe('sendAsync', () => {
  it('waits for company: lingerMs, then one request', async () => {
    const clock = new FakeClock();
    const { mq, driver, broker } = await sending({ producer: { lingerMs: 5 } }, { clock });
    for (let value = 0; value < 10; value++) mq.sendAsync('t', { value });
    await clock.advance(4);
    expect(driver.calls.get('produce')).toBeUndefined();
    await clock.advance(1);
    expect(driver.calls.get('produce')).toBe(1);
    expect(broker.bounds('t')[0]?.high).toBe(10n);
    await mq.close();
  });

  it('beyond maxBufferedBytes is refused: to the callback, else by a throw; and goes on when there is room', async () => {
    const { mq, driver } = await sending({ producer: { maxBufferedBytes: 5000, lingerMs: 0 } });
    driver.hang(['produce']);
    const outcomes: unknown[] = [];
    const value = 'x'.repeat(1500);
    for (let index = 0; index < 4; index++) mq.sendAsync('t', { value }, (error) => outcomes.push(error));
    expect(() => mq.sendAsync('t', { value })).toThrow(expect.objectContaining(refused));
    await Promise.resolve();
    expect(outcomes).toEqual([expect.objectContaining(refused)]);
    expect(mq.stats().bufferedBytes).toBeLessThanOrEqual(5000);
    driver.heal();
    await mq.flush();
    expect(outcomes.slice(1)).toEqual([undefined, undefined, undefined]);
    expect(mq.stats().bufferedBytes).toBe(0);
    mq.sendAsync('t', { value });
    await mq.close(); // sends what is buffered
    expect(driver.driver.native.bounds('t')[0]?.high).toBe(4n);
  });

  it('tells bad arguments to the callback, else throws', async () => {
    const { mq } = await sending();
    const told = Promise.withResolvers<unknown>();
    mq.sendAsync('not a topic', { value: 1 }, told.resolve);
    await expect(told.promise).resolves.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(() => mq.sendAsync('t', { value: undefined })).toThrow(/cannot encode undefined/);
    await mq.close();
  });

  it('is not harmed by a callback that throws, nor are those it shares a request with', async () => {
    const { mq, logger } = await sending({ producer: { lingerMs: 0 } });
    const outcomes: unknown[] = [];
    const boom = (): never => {
      throw new Error('boom');
    };
    mq.sendAsync('t', { value: 1 }, boom);
    mq.sendAsync('t', { value: 2 }, (error, receipt) => outcomes.push(error ?? receipt?.offset));
    const third = mq.send('t', { value: 3 });
    await expect(third).resolves.toMatchObject({ offset: 2n });
    expect(outcomes).toEqual([1n]);
    mq.sendAsync('not a topic', { value: 4 }, boom);
    await mq.flush();
    const line = { level: 'error', message: 'a callback of sendAsync threw' };
    expect(logger.lines).toEqual([line, line]);
    await mq.close();
  });

  it('takes nothing but a function for its callback', async () => {
    const { mq } = await sending();
    const wrong = 'callback' as unknown as () => void;
    expect(() => mq.sendAsync('t', { value: 1 }, wrong)).toThrow(
      /callback must be a function, got "callback"/,
    );
    await mq.close();
  });

  it('that fails without a callback is logged, and gives its bytes back', async () => {
    const { mq, driver, logger } = await sending({ producer: { lingerMs: 0 } });
    driver.fail(() => new Error('no'), ['produce']);
    mq.sendAsync('t', { value: 1 });
    await mq.flush();
    expect(logger.lines).toContainEqual({ level: 'error', message: 'a message was not sent' });
    expect(mq.stats()).toMatchObject({ bufferedBytes: 0, sendsFailed: 1 });
    await mq.close();
  });
});

describe('send', () => {
  it('shares requests: what is sent while one is under way goes with the next', async () => {
    const { mq, driver } = await sending();
    await mq.send('t', { value: 'known' });
    const before = driver.calls.get('produce') ?? 0;
    driver.hang(['produce']);
    const sends = Array.from({ length: 50 }, (_, value) => mq.send('t', { value }));
    await new Promise((resolve) => setImmediate(resolve));
    driver.heal();
    const receipts = await Promise.all(sends);
    expect(receipts.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 50 }, (_, value) => BigInt(value + 1)),
    );
    expect((driver.calls.get('produce') ?? 0) - before).toBe(2);
    await mq.close();
  });

  it('ends at its own deadline although the driver hangs, and is not sent afterwards when it had not gone', async () => {
    const { mq, driver, broker } = await sending();
    await mq.send('t', { value: 0 });
    driver.hang(['produce']);
    const first = mq.send('t', { value: 1 });
    await expect(mq.send('t', { value: 2 }, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      component: 'mq',
    });
    const controller = new AbortController();
    const cancelled = mq.send('t', { value: 3 }, { signal: controller.signal });
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
    driver.heal();
    await first;
    await mq.flush();
    expect(broker.bounds('t')[0]?.high).toBe(2n);
    await mq.close();
  });

  it('is UNAVAILABLE, not late, when the servers cannot be reached', async () => {
    const broker = new MemoryBroker({ clock: new SystemClock() });
    class Unreachable extends MemoryMqDriver {
      override produce(): Promise<never> {
        return new Promise(() => undefined);
      }
      override trouble(): undefined {
        return new Error('connection refused') as unknown as undefined;
      }
    }
    const mq = await createMq(
      { driver: new Unreachable(broker), producer: { timeoutMs: 200 } },
      { env: 'test', logger: new SilentLogger() },
    );
    await expect(mq.send('t', { value: 1 }, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('connection refused'),
    });
    await mq.close();
  });

  it('inside a database transaction warns once, and names the outbox', async () => {
    let inside = false;
    const { mq, logger } = await sending({}, { inTransaction: () => inside });
    await mq.send('t', { value: 1 });
    expect(logger.lines).toEqual([]);
    inside = true;
    await mq.send('t', { value: 2 });
    mq.sendAsync('t', { value: 3 });
    await mq.flush();
    expect(logger.lines).toEqual([{ level: 'warn', message: expect.stringContaining('outbox') }]);
    await mq.close();
  });

  it('and everything else is FAILED_PRECONDITION after close', async () => {
    const { mq } = await sending();
    await mq.close();
    const closed = { code: 'FAILED_PRECONDITION' };
    for (const call of [
      () => mq.send('t', { value: 1 }),
      () => mq.sendBatch('t', []),
      () => mq.flush(),
      () => mq.subscribe('t', async () => undefined, { group: 'g' }),
      () => mq.admin.topics(),
      () => mq.admin.lag('g'),
      () => mq.deadLetters.list('t'),
    ])
      await expect(call()).rejects.toMatchObject(closed);
    expect(() => mq.sendAsync('t', { value: 1 })).toThrow(expect.objectContaining(closed));
    expect(() => mq.stats()).toThrow(expect.objectContaining(closed));
    await mq.close();
  });

  it('shows and takes names without the prefix, which stands before derived topics too', async () => {
    const { mq, broker } = await sending({ topicPrefix: 'shop.' });
    expect(await mq.send('t', { value: 1 })).toMatchObject({ topic: 't' });
    expect(broker.topics).toEqual(['shop.t']);
    expect(await mq.admin.topics()).toEqual(['t']);
    await mq.subscribe('t', async () => undefined, { group: 'g', retry: { attempts: 2, mode: 'topics' } });
    expect([...broker.topics].toSorted()).toEqual(['shop.t', 'shop.t.dlq', 'shop.t.retry.1']);
    expect(await mq.admin.topics()).toEqual(['t', 't.dlq', 't.retry.1']);
    await mq.close();
  });
});

describe('sendBatch', () => {
  it('that takes several requests sends none after one that failed: later messages never overtake', async () => {
    const { mq, driver, broker } = await sending({ producer: { batchBytes: 2048 } });
    let requests = 0;
    const flaky = (): Error => {
      if (++requests === 1) driver.heal();
      return new Error('refused');
    };
    await mq.send('t', { value: 'first' });
    driver.fail(flaky, ['produce']);
    const messages = [1, 2, 3].map((value) => ({ value: `${value}`.repeat(1500) }));
    await expect(mq.sendBatch('t', messages)).rejects.toThrow('refused');
    await mq.send('t', { value: 'last' });
    expect([requests, broker.bounds('t')[0]?.high]).toEqual([1, 2n]);
    await mq.close();
  });
});
