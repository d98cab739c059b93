import { describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { InfraContext } from '@infra-kit/kernel';
import { faultyCache, systemError } from './fixtures/faulty-cache.js';

type Call = (
  cache: CacheProvider,
  options?: { signal?: AbortSignal; timeoutMs?: number },
) => Promise<unknown>;

const drain = async (keys: AsyncIterable<string>): Promise<void> => {
  for await (const key of keys) void key;
};

const READS: Record<string, Call> = {
  get: (cache, options) => cache.get('a', options),
  getMany: (cache, options) => cache.getMany(['a'], options),
  exists: (cache, options) => cache.exists(['a'], options),
  ttlMs: (cache, options) => cache.ttlMs('a', options),
  scan: (cache, options) => drain(cache.scan('', options)),
  ping: (cache, options) => cache.ping(options),
};
const WRITES: Record<string, Call> = {
  set: (cache, options) => cache.set('a', 1, options),
  setMany: (cache, options) => cache.setMany([['a', 1]], options),
  setIfAbsent: (cache, options) => cache.setIfAbsent('a', 1, options),
  getAndSet: (cache, options) => cache.getAndSet('a', 1, options),
  delete: (cache, options) => cache.delete(['a'], options),
  increment: (cache, options) => cache.increment('a', 1, options),
  decrement: (cache, options) => cache.decrement('a', 1, options),
  expire: (cache, options) => cache.expire('a', 1000, options),
  run: (cache, options) => cache.scripts.run(nothing, [], [], options),
};
const nothing = { name: 'nothing', lua: '', sha: '', twin: () => null, decode: () => undefined };
const ALL = {
  ...READS,
  ...WRITES,
  deleteByPrefix: ((cache, options) => cache.deleteByPrefix('a', options)) as Call,
};

/** A limit that is not reached: such calls take another way than those without any. */
const LATER = { timeoutMs: 60_000 };

/** How often the store was asked, whatever for. */
const asked = (calls: ReadonlyMap<PropertyKey, number>): number =>
  [...calls]
    .filter(([name]) => !['connect', 'watch', 'codeOf', 'describe'].includes(String(name)))
    .reduce((sum, [, n]) => sum + n, 0);

describe('a call', () => {
  it.each(Object.entries(ALL))(
    '%s ends in time with DEADLINE_EXCEEDED while the server hangs',
    async (_name, call) => {
      const { cache, faults } = await faultyCache({ commandTimeoutMs: 30 });
      faults.hang();
      await expect(call(cache)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', component: 'cache' });
    },
  );

  it.each(Object.entries(ALL))(
    '%s heeds its own limit, its signal and the ambient deadline',
    async (_name, call) => {
      const { cache, faults } = await faultyCache({ commandTimeoutMs: 60_000 });
      faults.hang();
      await expect(call(cache, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      const controller = new AbortController();
      const cancelled = expect(call(cache, { signal: controller.signal })).rejects.toMatchObject({
        code: 'CANCELLED',
      });
      controller.abort();
      await cancelled;
      const bounded = InfraContext.run({ timeoutMs: 20 }, () => call(cache));
      await expect(bounded).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    },
  );

  it.each(Object.entries(ALL))(
    '%s asks nothing of a store when it is cancelled beforehand',
    async (_name, call) => {
      const { cache, faults } = await faultyCache();
      await expect(call(cache, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(asked(faults.calls)).toBe(0);
      const memory = await createCache({ driver: 'memory' }, { env: 'test' });
      await expect(call(memory, { signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: 'CANCELLED',
      });
    },
  );

  it.each(Object.entries(READS))(
    '%s is tried maxRetries times more when the connection is lost',
    async (_name, call) => {
      for (const [maxRetries, options] of [[0], [1], [3], [0, LATER], [3, LATER]] as const) {
        const { cache, faults } = await faultyCache({ maxRetries });
        faults.fail(() => systemError('ECONNRESET'));
        await expect(call(cache, options)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
        expect(asked(faults.calls)).toBe(1 + maxRetries);
      }
    },
  );

  it.each(Object.entries(WRITES))('%s is never repeated: it may have been applied', async (_name, call) => {
    for (const options of [undefined, LATER]) {
      const { cache, faults } = await faultyCache({ maxRetries: 3 });
      faults.fail(() => systemError('ECONNRESET'));
      await expect(call(cache, options)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(asked(faults.calls)).toBe(1);
    }
  });

  it('succeeds when the second try of a read does', async () => {
    const { cache, faults } = await faultyCache();
    await cache.set('a', 1);
    let failures = 0;
    faults.fail(() => {
      failures++;
      queueMicrotask(() => faults.heal());
      return systemError('ECONNRESET');
    }, ['get']);
    expect(await cache.get('a')).toBe(1);
    expect(failures).toBe(1);
  });

  it('does not repeat a read for errors that stay', async () => {
    const { cache, faults } = await faultyCache({ maxRetries: 3 });
    faults.fail(() => new TypeError('odd'));
    await expect(cache.get('a')).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'cache.get: odd (key "a")',
    });
    expect(faults.calls.get('get')).toBe(1);
  });

  it('keeps the raw error as cause and names the instance', async () => {
    const { cache, faults } = await faultyCache({}, { name: 'sessions' });
    const raw = systemError('ECONNREFUSED');
    faults.fail(() => raw);
    await expect(cache.set('k', 1)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      component: 'cache',
      instance: 'sessions',
      cause: raw,
      message: expect.stringContaining('cache(sessions).set: '),
    });
  });

  it('limits a whole scan by timeoutMs and each page by commandTimeoutMs', async () => {
    const { cache, faults } = await faultyCache({ commandTimeoutMs: 60_000 });
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    faults.delay(30, ['scanPage']);
    await expect(drain(cache.scan('', { timeoutMs: 5 }))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await expect(cache.deleteByPrefix('', { timeoutMs: 5 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(await cache.exists('a', 'b')).toBe(2);
  });
});

describe('a bad argument', () => {
  const long = 'ä'.repeat(32 * 1024 + 1);
  it.each([
    ['an empty key', ''],
    ['a key over 64 KiB', long],
    ['a key that is no text', 5],
    ['a key that is half a character', '\ud800'],
  ])('%s is INVALID_ARGUMENT everywhere, and nothing has happened', async (_what, bad) => {
    const { cache, faults } = await faultyCache();
    const key = bad as string;
    for (const call of [
      () => cache.get(key),
      () => cache.getMany(['a', key]),
      () => cache.set(key, 1),
      () =>
        cache.setMany([
          ['a', 1],
          [key, 1],
        ]),
      () => cache.setIfAbsent(key, 1),
      () => cache.getAndSet(key, 1),
      () => cache.delete('a', key),
      () => cache.delete(['a', key]),
      () => cache.exists(key),
      () => cache.increment(key),
      () => cache.decrement(key),
      () => cache.expire(key, 1),
      () => cache.ttlMs(key),
      () => cache.getOrSet(key, async () => 1, { ttlMs: 1 }),
      () => cache.scripts.run(nothing, [key], []),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', component: 'cache' });
    expect(asked(faults.calls)).toBe(0);
  });

  it('takes a key of exactly 64 KiB', async () => {
    const { cache } = await faultyCache({ keyPrefix: 'p:' });
    expect(await cache.set('ä'.repeat(32 * 1024), 1)).toBe(true);
  });

  it.each([0, -1, Number.NaN, -Infinity, '5s', null, 2 ** 60])(
    'a ttlMs of %p is INVALID_ARGUMENT',
    async (bad) => {
      const { cache, faults } = await faultyCache();
      const ttlMs = bad as number;
      for (const call of [
        () => cache.set('a', 1, { ttlMs }),
        () => cache.setMany([['a', 1]], { ttlMs }),
        () => cache.setIfAbsent('a', 1, { ttlMs }),
        () => cache.getAndSet('a', 1, { ttlMs }),
        () => cache.expire('a', ttlMs),
        () => cache.getOrSet('a', async () => 1, { ttlMs }),
        () => cache.getOrSet('a', async () => 1, { ttlMs: 1, negativeTtlMs: ttlMs }),
      ])
        await expect(call()).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringContaining(String(bad)),
        });
      expect(asked(faults.calls)).toBe(0);
    },
  );

  it('refuses options that contradict each other or are none', async () => {
    const { cache, faults } = await faultyCache();
    for (const options of [
      { keepTtl: true, ttlMs: 1 },
      { ifAbsent: true, ifPresent: true },
      5000 as never,
      null as never,
    ])
      await expect(cache.set('a', 1, options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(cache.getOrSet('a', async () => 1, {} as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(cache.getOrSet('a', 'value' as never, { ttlMs: 1 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(cache.get('a', { timeoutMs: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(asked(faults.calls)).toBe(0);
  });

  it.each([0.5, Number.NaN, Infinity, 2 ** 53, '1'])('refuses to count by %p', async (by) => {
    const { cache } = await faultyCache();
    await expect(cache.increment('a', by as number)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(cache.decrement('a', by as number)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses prefixes that are no texts', async () => {
    const { cache } = await faultyCache();
    await expect(cache.deleteByPrefix(undefined as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(drain(cache.scan(long))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(() => cache.namespace(5 as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('a ttl', () => {
  it('is defaultTtlMs where a write names none, and none for counters', async () => {
    const { cache } = await faultyCache({ defaultTtlMs: 5000 });
    await cache.set('a', 1);
    await cache.setMany([['b', 1]]);
    await cache.setIfAbsent('c', 1);
    await cache.getAndSet('d', 1);
    await cache.set('e', 1, {});
    for (const key of ['a', 'b', 'c', 'd', 'e']) expect(await cache.ttlMs(key)).toBe(5000);
    await cache.set('f', 1, { ttlMs: Infinity });
    await cache.increment('g');
    expect([await cache.ttlMs('f'), await cache.ttlMs('g')]).toEqual([Infinity, Infinity]);
  });
});

describe('after close', () => {
  it.each(Object.entries(ALL))('%s is FAILED_PRECONDITION, at once', async (_name, call) => {
    const { cache, faults } = await faultyCache();
    const view = cache.namespace('v:');
    await cache.close();
    await expect(call(cache)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await expect(call(view)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(asked(faults.calls)).toBe(0);
  });

  it('getOrSet and namespace too; health is down, close is idempotent', async () => {
    const { cache } = await faultyCache();
    await cache.close();
    await cache.close();
    await cache[Symbol.asyncDispose]();
    await expect(cache.getOrSet('a', async () => 1, { ttlMs: 1 })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    expect(() => cache.namespace('x')).toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
    expect(await cache.health()).toMatchObject({ status: 'down' });
  });

  it('of a namespace, the cache itself goes on', async () => {
    const { cache } = await faultyCache();
    const view = cache.namespace('v:');
    await view.close();
    await expect(view.get('a')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await expect(view.scripts.run(nothing, [], [])).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect((await view.health()).status).toBe('down');
    expect(await cache.set('a', 1)).toBe(true);
  });
});

describe('health', () => {
  it('is down, never throws and never waits, when the server fails or hangs', async () => {
    const { cache, faults } = await faultyCache({ commandTimeoutMs: 60_000 });
    faults.hang();
    expect(await cache.health({ timeoutMs: 20 })).toMatchObject({ status: 'down' });
    faults.fail(() => systemError('ECONNREFUSED'));
    expect(await cache.health()).toMatchObject({
      status: 'down',
      detail: { error: expect.stringContaining('ECONNREFUSED') },
    });
    faults.heal();
    expect(await cache.health()).toMatchObject({ status: 'up', detail: { driver: 'memory' } });
    expect(await cache.health({ timeoutMs: Number.NaN })).toMatchObject({ status: 'down' });
  });

  it('is limited to two seconds', async () => {
    const { cache, faults } = await faultyCache({ commandTimeoutMs: 60_000 });
    faults.hang();
    const started = performance.now();
    expect((await cache.health({ timeoutMs: 60_000 })).status).toBe('down');
    expect(performance.now() - started).toBeLessThan(4000);
  });
});
