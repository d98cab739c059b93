import { describe, expect, it } from '@jest/globals';
import { ReloadRegistry } from '@infra-kit/kernel';
import { ClockRollbackError, createUid, UidLeaseLostError, type UidProvider } from '@infra-kit/uid';
import { AWAY, bench, but, NOW, SERVICE, timeOf, works } from './fixtures/lease-bench.js';

describe('the high-water mark', () => {
  it('is stored ahead of use: no id is later than it', async () => {
    const { clock, store, start } = bench();
    await using uid = await start();
    for (let i = 0; i < 100; i++) {
      await clock.advance(100);
      const mark = store.highWaterMs(SERVICE, 1) ?? 0;
      const time = timeOf(uid, uid.snowflake());
      expect(mark).toBeGreaterThanOrEqual(time);
      expect(mark).toBeLessThanOrEqual(time + 3000);
    }
  });

  it('is exact after close(): the last time used', async () => {
    const { clock, store, start } = bench();
    const uid = await start();
    await clock.advance(1234);
    const time = timeOf(uid, uid.snowflake());
    await clock.advance(500);
    await uid.close();
    expect(store.highWaterMs(SERVICE, 1)).toBe(time);
  });

  it('after close() lets the next start begin at once', async () => {
    const { clock, start } = bench();
    const first = await start();
    const last = first.snowflake();
    await first.close();
    await clock.advance(1);
    await using second = await start();
    expect(second.snowflake()).toBeGreaterThan(last);
  });

  it('after a crash is waited out by createUid, at most highWaterAheadMs', async () => {
    const { clock, source, store, start } = bench();
    const crashed = await start({ maxInstanceId: 1 });
    await clock.advance(100_000);
    const last = crashed.snowflake();
    store.silence(source.newest);
    const mark = store.highWaterMs(SERVICE, 1) ?? 0;
    clock.step(-14_000); // by the time the lease has run out the clock was put back to just after the last id
    await clock.advance(15_001);
    let uid: UidProvider | undefined;
    const starting = start({ maxInstanceId: 1 }).then((started) => (uid = started));
    await clock.advance(mark - clock.now() - 1);
    expect(uid).toBeUndefined();
    await clock.advance(1);
    await using restarted = await starting;
    expect(timeOf(restarted, restarted.snowflake())).toBeGreaterThan(mark);
    expect(restarted.snowflake()).toBeGreaterThan(last);
    await crashed.close();
  });

  it('farther away than that means a clock that stepped back: refused until it is back', async () => {
    const { clock, store, logger, start } = bench();
    const first = await start();
    const last = first.snowflake();
    await first.close();
    clock.step(-3_600_000);
    await using uid = await start();
    expect(() => uid.snowflake()).toThrow(ClockRollbackError);
    expect(logger.messages('warn')).toEqual([expect.stringContaining('behind the stored high-water mark')]);
    expect(store.highWaterMs(SERVICE, 1)).toBeGreaterThan(NOW);
    await clock.advance(3_600_001);
    expect(uid.snowflake()).toBeGreaterThan(last);
  });

  it('that cannot be renewed stops snowflakes when it is reached; they come again with the store', async () => {
    const { clock, store, logger, start } = bench();
    await using uid = await start({ leaseTtlMs: 60_000 });
    uid.snowflake();
    store.fail(AWAY);
    await clock.advance(3000);
    expect(uid.snowflake()).toBeDefined();
    await clock.advance(1);
    expect(() => uid.snowflake()).toThrow(UidLeaseLostError);
    expect(() => uid.snowflake()).toThrow(/high-water mark/);
    expect(await uid.health()).toMatchObject({ status: 'degraded' });
    expect(logger.messages('warn')).toHaveLength(1);
    store.heal();
    await clock.advance(1000);
    expect(uid.snowflake()).toBeDefined();
    expect(uid.instanceId).toBe(1);
  });

  it('is renewed at once when the clock was put forward', async () => {
    const { clock, start } = bench();
    await using uid = await start();
    clock.step(3_600_000);
    expect(() => uid.snowflake()).toThrow(UidLeaseLostError);
    await clock.advance(0);
    expect(timeOf(uid, uid.snowflake())).toBe(NOW + 3_600_000);
  });

  it('is never asked for twice at a time, nor in a hot loop while the store is away', async () => {
    let saves = 0;
    let underWay = 0;
    let most = 0;
    const { clock, store, start } = bench((lease) =>
      but(lease, {
        saveHighWater: async (ms) => {
          saves++;
          most = Math.max(most, ++underWay);
          await lease.saveHighWater(ms).finally(() => underWay--);
        },
      }),
    );
    await using uid = await start();
    store.fail(AWAY);
    clock.step(10_000);
    for (let i = 0; i < 100; i++) {
      expect(works(uid)).toBe(false);
      await clock.advance(1);
    }
    expect(saves).toBeLessThan(6);
    expect(most).toBe(1);
    store.heal();
  });

  it('follows a new highWaterAheadMs while running', async () => {
    const { clock, store, source, logger } = bench();
    const reload = new ReloadRegistry({ logger, clock });
    const deps = { workerIdSource: source, clock, logger, reload, env: 'production' };
    await using uid = await createUid({ serviceName: SERVICE }, deps);
    const value = { highWaterAheadMs: 300 };
    expect(await reload.offer('uid', 'default', { revision: 1n, value })).toMatchObject({
      restartRequired: [],
    });
    await clock.advance(3000);
    for (let i = 0; i < 100; i++) {
      await clock.advance(50);
      const time = timeOf(uid, uid.snowflake());
      expect(store.highWaterMs(SERVICE, 1)).toBeLessThanOrEqual(time + 300);
    }
  });

  it('that could not be made exact is no obstacle to giving the id back', async () => {
    let fail = false;
    const { source, logger, start } = bench((lease) =>
      but(lease, {
        saveHighWater: (ms) => (fail ? Promise.reject(AWAY()) : lease.saveHighWater(ms)),
      }),
    );
    const uid = await start();
    fail = true;
    await uid.close();
    expect(logger.messages('warn')).toEqual([expect.stringContaining('exact high-water mark')]);
    expect((await source.store.acquire(SERVICE, 1)).id).toBe(1);
  });
});
