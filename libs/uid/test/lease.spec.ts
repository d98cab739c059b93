import { describe, expect, it } from '@jest/globals';
import { InfraContext, InfraError } from '@infra-kit/kernel';
import { UidLeaseLostError, type WorkerIdLease } from '@infra-kit/uid';
import { advanceUntil, AWAY, bench, but, SERVICE, works } from './fixtures/lease-bench.js';

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

  it('is given back when its high-water mark cannot be stored at the start', async () => {
    const error = AWAY();
    const { source, start } = bench((lease) =>
      but(lease, {
        saveHighWater: () => Promise.reject(error),
      }),
    );
    await expect(start()).rejects.toBe(error);
    expect((await source.store.acquire(SERVICE, 1)).id).toBe(1);
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
    const { clock, source, start } = bench((lease) =>
      but(lease, {
        remainingMs: () => (lease === stopped ? 0 : lease.remainingMs()),
      }),
    );
    await using uid = await start();
    stopped = source.newest;
    InfraContext.run({ timeoutMs: 1 }, () => expect(() => uid.snowflake()).toThrow(UidLeaseLostError));
    await advanceUntil(clock, 4000, () => works(uid));
    expect(source.deadlines).toEqual([Infinity, Infinity]);
  });

  it('changes the id also in the middle of a millisecond', async () => {
    let stopped: WorkerIdLease | undefined;
    const { clock, source, start } = bench((lease) =>
      but(lease, {
        remainingMs: () => (lease === stopped ? 0 : lease.remainingMs()),
        release: async () => undefined,
      }),
    );
    await using uid = await start();
    const before = uid.parseSnowflake(uid.snowflake());
    stopped = source.newest;
    expect(() => uid.snowflake()).toThrow(UidLeaseLostError);
    await clock.advance(0);
    expect(uid.parseSnowflake(uid.snowflake())).toEqual({ ...before, instanceId: 2, sequence: 1 });
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
    const { start } = bench((lease) =>
      but(lease, {
        remainingMs: () => remaining,
      }),
    );
    await using uid = await start();
    expect(uid.snowflake()).toBeDefined();
    remaining = 0;
    expect(() => uid.snowflake()).toThrow(UidLeaseLostError);
    remaining = 1000;
    expect(() => uid.snowflake()).toThrow(UidLeaseLostError); // once lost it stays lost
  });

  it('is asked about at least once a millisecond, also in a batch', async () => {
    let asked = 0;
    const { clock, start } = bench((lease) =>
      but(lease, {
        remainingMs: () => (++asked, lease.remainingMs()),
      }),
    );
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
