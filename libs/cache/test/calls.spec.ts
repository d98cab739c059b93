import { describe, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { InfraContext } from '@infra-kit/kernel';
import { ALL, asked, drain, READS, triesOf, WRITES, WRITING } from './fixtures/every-call.js';
import { faultyCache, IO, systemError } from './fixtures/faulty-cache.js';

/** A limit that is not reached: such calls take another way than those without any. */
const LATER = { timeoutMs: 60_000 };

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
        expect(triesOf(faults.calls, IO)).toBe(1 + maxRetries);
      }
    },
  );

  it.each(Object.entries(WRITES))('%s is never repeated: it may have been applied', async (_name, call) => {
    for (const options of [undefined, LATER]) {
      const { cache, faults } = await faultyCache({ maxRetries: 3 });
      await cache.setMany([['a', 1]]);
      const seen = new Map(faults.calls);
      faults.fail(() => systemError('ECONNRESET'), WRITING);
      await expect(call(cache, options)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      const since = [...faults.calls].map(([method, n]) => [method, n - (seen.get(method) ?? 0)] as const);
      expect(triesOf(new Map(since), WRITING)).toBe(1);
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

  it('names the call that failed, invalidateTags too', async () => {
    const { cache, faults } = await faultyCache();
    faults.fail(() => systemError('ECONNREFUSED'));
    await expect(cache.invalidateTags('t')).rejects.toMatchObject({
      message: expect.stringContaining('cache.invalidateTags: '),
    });
  });

  it.each(['timeoutMs', 'commandTimeoutMs'] as const)('keeps to %s over all its steps', async (limit) => {
    const ownMs = limit === 'timeoutMs' ? { timeoutMs: 300 } : {};
    const { cache, faults } = await faultyCache({ commandTimeoutMs: limit === 'timeoutMs' ? 60_000 : 300 });
    await cache.set('a', 1, { tags: ['t'] });
    faults.delay(200);
    const calls: Record<string, () => Promise<unknown>> = {
      get: () => cache.get('a', ownMs),
      getMany: () => cache.getMany(['a'], ownMs),
      set: () => cache.set('b', 1, { ...ownMs, tags: ['t'] }),
      exists: () => cache.exists(['a'], ownMs),
      ttlMs: () => cache.ttlMs('a', ownMs),
      expire: () => cache.expire('a', 1000, ownMs),
      getAndSet: () => cache.getAndSet('b', 1, ownMs),
      increment: () => cache.increment('a', 1, ownMs),
      setIfAbsent: () => cache.setIfAbsent('a', 1, ownMs),
    };
    const outcomes = await Promise.allSettled(Object.values(calls).map((call) => call()));
    for (const [at, name] of Object.keys(calls).entries())
      expect([name, outcomes[at]]).toMatchObject([name, { reason: { code: 'DEADLINE_EXCEEDED' } }]);
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
