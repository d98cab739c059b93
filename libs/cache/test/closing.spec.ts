import { describe, expect, it } from '@jest/globals';
import { ALL, asked } from './fixtures/every-call.js';
import { faultyCache, systemError } from './fixtures/faulty-cache.js';

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
    const { cache, faults } = await faultyCache();
    const view = cache.namespace('v:');
    await view.close();
    for (const call of Object.values(ALL))
      await expect(call(view)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(asked(faults.calls)).toBe(0);
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
