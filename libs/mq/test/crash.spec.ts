import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { createMq, type MqProvider } from '@infra-kit/mq';
import { MemoryBroker } from '@infra-kit/mq/testing';
import { CrashableDriver } from './fixtures/crashable-driver.js';
import { SilentLogger } from './fixtures/silent-logger.js';

const group = 'g';
const open: MqProvider[] = [];

async function crashable(
  clock?: FakeClock,
): Promise<{ mq: MqProvider; driver: CrashableDriver; logger: SilentLogger }> {
  const driver =
    clock === undefined ? new CrashableDriver() : new CrashableDriver(new MemoryBroker({ clock }));
  const logger = new SilentLogger();
  const consumer = { restartBackoffMs: clock === undefined ? 1 : 500 };
  const mq = await createMq({ driver, consumer }, { env: 'test', clock, logger });
  open.push(mq);
  return { mq, driver, logger };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((mq) => mq.close()));
});

describe('a consumer that crashed', () => {
  it('joins again and goes on; nothing is lost', async () => {
    const { mq, driver } = await crashable();
    const seen: unknown[] = [];
    const subscription = await mq.subscribe('t', async ({ value }) => void seen.push(value), { group });
    await mq.send('t', { value: 1 });
    await eventually(() => expect(seen).toEqual([1]));
    await subscription.commit();
    driver.crash();
    await mq.send('t', { value: 2 });
    await eventually(() => expect(seen).toEqual([1, 2]));
    expect(subscription.stats()).toMatchObject({ state: 'running', restarts: 1, lastError: 'it crashed' });
    expect((await mq.health()).status).toBe('up');
  });

  it('waits longer each time it cannot join, and health tells', async () => {
    const clock = new FakeClock();
    const { mq, driver } = await crashable(clock);
    const subscription = await mq.subscribe('t', async () => undefined, { group });
    driver.failingJoins = 3;
    driver.crash();
    await clock.advance(0);
    expect(await mq.health()).toMatchObject({
      status: 'degraded',
      detail: { consumers: [{ group, state: 'restarting', lastError: 'it crashed' }] },
    });
    const joins: number[] = [];
    for (let half = 0; half < 16; half++) {
      await clock.advance(500);
      joins.push(driver.joins);
    }
    // after 0.5 s, then 1 s, 2 s and 4 s later
    expect(joins).toEqual([2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5]);
    expect(subscription.stats()).toMatchObject({ state: 'running', restarts: 1 });
  });

  it('lets its handler finish before it comes back: no two runs of one message at once', async () => {
    const { mq, driver } = await crashable();
    const door = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    const values: unknown[] = [];
    await mq.subscribe(
      't',
      async ({ value }) => {
        most = Math.max(most, ++running);
        await door.promise;
        running--;
        values.push(value);
      },
      { group },
    );
    await mq.send('t', { value: 1 });
    await eventually(() => expect(running).toBe(1));
    driver.crash();
    setTimeout(() => door.resolve(), 30);
    await mq.testing.drained(group);
    expect([most, values]).toEqual([1, [1, 1]]); // it had not been committed: once more
  });

  it('does not come back after close', async () => {
    const { mq, driver } = await crashable();
    const subscription = await mq.subscribe('t', async () => undefined, { group });
    driver.failingJoins = 1000;
    driver.crash();
    await subscription.close();
    const { joins } = driver;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(driver.joins).toBe(joins);
    expect(subscription.stats().state).toBe('closed');
  });
});

describe('health', () => {
  it('is down while a consumer no longer polls, and names it', async () => {
    const clock = new FakeClock();
    const { mq, driver } = await crashable(clock);
    await mq.subscribe('t', async () => undefined, { group });
    await clock.advance(9000);
    expect((await mq.health()).status).toBe('up');
    driver.deaf = true;
    await clock.advance(12_000);
    expect(await mq.health()).toMatchObject({
      status: 'down',
      detail: { error: expect.stringMatching(/group g has not polled for 1\d s/) },
    });
    driver.deaf = false;
    await clock.advance(3000);
    expect(await mq.health()).toMatchObject({
      status: 'up',
      detail: {
        driver: 'memory',
        consumers: [
          {
            group,
            topics: ['t'],
            assigned: ['t/0'],
            lag: 0,
            state: 'running',
            lastPollAt: new Date(clock.now()).toISOString(),
          },
        ],
      },
    });
    await mq.close();
    expect((await mq.health()).status).toBe('down');
  });
});
