import { describe, expect, it } from '@jest/globals';
import { InfraContext, InfraError, ReloadRegistry } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import {
  ClockRollbackError,
  createUid,
  UidLeaseLostError,
  WorkerIdSource,
  type UidOptions,
  type UidProvider,
  type WorkerIdLease,
  type WorkerIdOptions,
} from '@infra-kit/uid';
import { leasedWorkerIds, type LeasedWorkerIds } from '@infra-kit/uid/testing';
import { RecordingLogger } from './fixtures/recording-logger.js';

const NOW = Date.UTC(2026, 4, 1, 12);
const SERVICE = 'orders';
const AWAY = (): InfraError => new InfraError('UNAVAILABLE', 'the store is away');

/** Passes leases on and keeps them, so that a test can cut them off or count what is asked of them. */
class WatchedSource extends WorkerIdSource {
  readonly leases: WorkerIdLease[] = [];
  readonly options: (WorkerIdOptions | undefined)[] = [];
  /** What the ambient deadline left to each attempt. */
  readonly deadlines: number[] = [];
  attempts = 0;

  constructor(
    readonly store: LeasedWorkerIds,
    readonly alter: (lease: WorkerIdLease) => WorkerIdLease = (lease) => lease,
  ) {
    super();
  }

  override async acquire(service: string, max: number, options?: WorkerIdOptions): Promise<WorkerIdLease> {
    this.attempts++;
    this.options.push(options);
    this.deadlines.push(InfraContext.remainingMs());
    const lease = await this.store.acquire(service, max, options);
    this.leases.push(lease);
    return this.alter(lease);
  }

  get newest(): WorkerIdLease {
    const lease = this.leases.at(-1);
    if (lease === undefined) throw new Error('nothing was leased yet');
    return lease;
  }
}

interface Bench {
  readonly clock: FakeClock;
  readonly store: LeasedWorkerIds;
  readonly source: WatchedSource;
  readonly logger: RecordingLogger;
  readonly start: (options?: UidOptions) => Promise<UidProvider>;
}

function bench(alter?: (lease: WorkerIdLease) => WorkerIdLease): Bench {
  const clock = new FakeClock({ now: NOW });
  const store = leasedWorkerIds(clock);
  const source = new WatchedSource(store, alter);
  const logger = new RecordingLogger();
  const start = (options: UidOptions = {}): Promise<UidProvider> =>
    createUid(
      { serviceName: SERVICE, ...options },
      { workerIdSource: source, clock, logger, env: 'production' },
    );
  return { clock, store, source, logger, start };
}

/** Advances in small steps until `done`; fails after `withinMs` of the fake clock. */
async function advanceUntil(clock: FakeClock, withinMs: number, done: () => boolean): Promise<number> {
  const started = clock.monotonic();
  while (!done()) {
    if (clock.monotonic() - started > withinMs) throw new Error(`not within ${withinMs} ms`);
    await clock.advance(50);
  }
  return clock.monotonic() - started;
}

const works = (uid: UidProvider): boolean => {
  try {
    return uid.snowflake() > 0n;
  } catch (error) {
    if (error instanceof UidLeaseLostError) return false;
    throw error;
  }
};

const timeOf = (uid: UidProvider, id: bigint): number => uid.parseSnowflake(id).timestamp.getTime();

describe('a leased instance id', () => {
  it('is kept for as long as it is renewed', async () => {
    const { clock, start } = bench();
    await using uid = await start();
    for (let i = 0; i < 200; i++) {
      await clock.advance(500);
      expect(uid.parseSnowflake(uid.snowflake()).instanceId).toBe(1);
    }
  });

  it('is another for each process of a service', async () => {
    const { start } = bench();
    await using one = await start();
    await using two = await start();
    await using other = await start({ serviceName: 'stock' });
    expect([one.instanceId, two.instanceId, other.instanceId]).toEqual([1, 2, 1]);
  });

  it('when none is free, createUid rejects RESOURCE_EXHAUSTED at once and leaves nothing open', async () => {
    const { clock, start } = bench();
    await using uid = await start({ maxInstanceId: 1 });
    const pending = clock.pending;
    await expect(start({ maxInstanceId: 1 })).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(clock.pending).toBe(pending);
    expect(uid.snowflake()).toBeDefined();
  });

  it('is given back by close()', async () => {
    const { start } = bench();
    for (let i = 0; i < 3; i++) {
      await using uid = await start({ maxInstanceId: 1 });
      expect(uid.instanceId).toBe(1);
    }
  });

  it('is asked for with leaseTtlMs', async () => {
    const { source, start } = bench();
    await using _uid = await start({ leaseTtlMs: 5000 });
    expect(source.options).toEqual([expect.objectContaining({ ttlMs: 5000 })]);
  });

  it('a source that fails makes createUid fail with its error', async () => {
    const { store, start } = bench();
    const error = new InfraError('PERMISSION_DENIED', 'wrong password');
    store.fail(() => error);
    await expect(start()).rejects.toBe(error);
    store.fail(() => new TypeError('something else'));
    await expect(start()).rejects.toMatchObject({ code: 'UNAVAILABLE', component: 'uid' });
  });
});

describe('a lost lease', () => {
  it('stops snowflakes before another process can own the id, and they come again under a new id', async () => {
    const { clock, source, start } = bench();
    await using uid = await start({ maxInstanceId: 2 });
    await using _second = await start({ maxInstanceId: 2 });
    const [first] = source.leases;
    if (first === undefined) throw new Error('no lease');
    source.store.silence(first);

    let lostAt: number | undefined;
    let takenAt: number | undefined;
    while (takenAt === undefined) {
      if (lostAt === undefined && !works(uid)) lostAt = clock.monotonic();
      const third = await source.store.acquire(SERVICE, 1).catch(() => undefined);
      if (third !== undefined) takenAt = clock.monotonic();
      else await clock.advance(100);
    }
    expect(lostAt).toBeLessThan(takenAt);
    expect(() => uid.snowflake()).toThrow(UidLeaseLostError);
    expect(() => uid.snowflakes(10)).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE', retryable: true, name: 'UidLeaseLostError' }),
    );
  });

  it('leaves uuidv7() at work, and shows on the health page', async () => {
    const { clock, store, start } = bench();
    await using uid = await start();
    store.fail(AWAY);
    await clock.advance(20_000);
    expect(() => uid.snowflake()).toThrow(UidLeaseLostError);
    expect(uid.isValidUuid(uid.uuidv7(), 7)).toBe(true);
    expect(await uid.health()).toMatchObject({
      status: 'degraded',
      detail: { instanceId: 1, origin: 'leased' },
    });
    store.heal();
    await advanceUntil(clock, 10_000, () => works(uid));
    expect(await uid.health()).toMatchObject({ status: 'up' });
  });

  it('is replaced by itself, and instanceId is the new one', async () => {
    const { clock, source, store, logger, start } = bench();
    await using uid = await start();
    const before = uid.snowflake();
    store.silence(source.newest);
    await clock.advance(13_499);
    expect(uid.instanceId).toBe(1);
    await clock.advance(1);
    expect(uid.instanceId).toBe(2);
    const after = uid.snowflake();
    expect(uid.parseSnowflake(after).instanceId).toBe(2);
    expect(after).toBeGreaterThan(before);
    expect(logger.messages('warn').at(-1)).toContain('the lease of the instance id is lost');
    expect(logger.messages('info')).toHaveLength(1);
  });

  it('is replaced outside the deadline of the request that met the loss', async () => {
    let stopped: WorkerIdLease | undefined;
    const { clock, source, start } = bench((lease) => ({
      id: lease.id,
      signal: lease.signal,
      remainingMs: () => (lease === stopped ? 0 : lease.remainingMs()),
      saveHighWater: (ms) => lease.saveHighWater(ms),
      release: () => lease.release(),
    }));
    await using uid = await start();
    stopped = source.newest;
    InfraContext.run({ timeoutMs: 1 }, () => expect(() => uid.snowflake()).toThrow(UidLeaseLostError));
    await advanceUntil(clock, 4000, () => works(uid));
    expect(source.deadlines).toEqual([Infinity, Infinity]);
  });

  it('is asked for again and again, with pauses of at most 5 s', async () => {
    const { clock, source, store, start } = bench();
    await using uid = await start();
    store.fail(AWAY);
    await clock.advance(600_000);
    const before = source.attempts;
    await clock.advance(60_000);
    expect(source.attempts - before).toBeGreaterThanOrEqual(11);
    expect(source.attempts - before).toBeLessThanOrEqual(25);
    store.heal();
    await advanceUntil(clock, 5000 + 3100, () => works(uid));
  });

  it('is asked for again when none is free, until one is', async () => {
    const { clock, source, store, start } = bench();
    await using uid = await start({ maxInstanceId: 1 });
    store.silence(source.newest);
    await clock.advance(13_500);
    expect(works(uid)).toBe(false);
    await advanceUntil(clock, 15_000, () => works(uid));
    expect(uid.instanceId).toBe(1);
  });

  it('is known at the first look after the process was stopped, before any timer has run', async () => {
    let remaining = 1000;
    const { start } = bench((lease) => ({
      id: lease.id,
      signal: lease.signal,
      remainingMs: () => remaining,
      saveHighWater: (ms) => lease.saveHighWater(ms),
      release: () => lease.release(),
    }));
    await using uid = await start();
    expect(uid.snowflake()).toBeDefined();
    remaining = 0;
    expect(() => uid.snowflake()).toThrow(UidLeaseLostError);
    remaining = 1000;
    expect(() => uid.snowflake()).toThrow(UidLeaseLostError); // once lost it stays lost
  });

  it('is asked about at least once a millisecond, also in a batch', async () => {
    let asked = 0;
    const { clock, start } = bench((lease) => ({
      id: lease.id,
      signal: lease.signal,
      remainingMs: () => (++asked, lease.remainingMs()),
      saveHighWater: (ms) => lease.saveHighWater(ms),
      release: () => lease.release(),
    }));
    await using uid = await start({ maxRollbackMs: 10 });
    for (let ms = 0; ms < 20; ms++) {
      await clock.advance(1);
      for (const issue of [() => uid.snowflake(), () => uid.snowflakes(4000)]) {
        const before = asked;
        issue();
        expect(asked).toBeGreaterThan(before);
      }
    }
    const before = asked;
    uid.snowflakes(8 * 4096);
    expect(asked - before).toBeGreaterThanOrEqual(8);
  });

  it('ends when the provider is closed: nothing is asked for any more', async () => {
    const { clock, source, store, start } = bench();
    const uid = await start();
    store.fail(AWAY);
    await clock.advance(30_000);
    await uid.close();
    const before = source.attempts;
    store.heal();
    await clock.advance(60_000);
    expect(source.attempts).toBe(before);
    expect(clock.pending).toBe(0);
  });
});

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
    await clock.advance(mark - clock.now());
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
    const { clock, store, start } = bench((lease) => ({
      id: lease.id,
      signal: lease.signal,
      remainingMs: () => lease.remainingMs(),
      release: () => lease.release(),
      saveHighWater: async (ms) => {
        saves++;
        most = Math.max(most, ++underWay);
        await lease.saveHighWater(ms).finally(() => underWay--);
      },
    }));
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
    const { source, logger, start } = bench((lease) => ({
      id: lease.id,
      signal: lease.signal,
      remainingMs: () => lease.remainingMs(),
      release: () => lease.release(),
      saveHighWater: (ms) => (fail ? Promise.reject(AWAY()) : lease.saveHighWater(ms)),
    }));
    const uid = await start();
    fail = true;
    await uid.close();
    expect(logger.messages('warn')).toEqual([expect.stringContaining('exact high-water mark')]);
    expect((await source.store.acquire(SERVICE, 1)).id).toBe(1);
  });
});
