import { expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { faulty, recordMetrics } from '@infra-kit/kernel/testing';
import { createOnce, ONCE_METRICS, type OnceOptions } from '@infra-kit/once';

it('counts every call with its outcome and reason, and the calls to the store', async () => {
  const cache = await createCache({ driver: 'memory' }, { env: 'test' });
  const faults = faulty<CacheProvider>(cache, { parts: ['scripts'] });
  const once = await createOnce(
    { storeTimeoutMs: 1000 },
    { env: 'test', cache: faults.driver, name: 'metered' },
  );
  using metrics = recordMetrics();
  const seen: string[] = [];
  const call = async (key: string, fn: () => Promise<unknown>, options?: OnceOptions): Promise<void> => {
    const before = metrics.all.filter(({ name }) => name === ONCE_METRICS.calls).length;
    await once.execute(key, fn, options).catch(() => undefined);
    const [made, ...more] = metrics.all.filter(({ name }) => name === ONCE_METRICS.calls).slice(before);
    expect(more.map(({ attributes }) => attributes)).toEqual([]);
    expect(made?.attributes).toMatchObject({ once: 'metered', store: 'cache' });
    seen.push([made?.attributes['outcome'], made?.attributes['reason']].join(' '));
  };
  const fail = (): Promise<never> => Promise.reject(new Error('fails'));
  await call('a', async () => 1, { fingerprint: 1 });
  await call('a', async () => 1);
  await call('a', async () => 1, { fingerprint: 2 });
  await call('large', async () => 'xxx', { maxResultBytes: 2 });
  await call('large', async () => 'xxx');
  await call('fails', fail);
  await call('kept', fail, { storeError: () => true });
  await call('kept', fail);
  const gate = Promise.withResolvers<void>();
  const running = once.execute('slow', () => gate.promise);
  await call('slow', async () => 1);
  gate.resolve();
  await running;
  faults.fail(() => new Error('away'));
  await call('b', async () => 1);
  faults.heal();
  await call('c', async () => faults.fail(() => new Error('away')));
  faults.heal();
  await call('d', () => once.clear('d'));
  expect(seen).toEqual([
    'ran first',
    'replayed result',
    'refused mismatch',
    'ran not_kept',
    'refused result_gone',
    'failed error',
    'failed error_kept',
    'replayed error',
    'refused in_progress',
    'refused store_away',
    'failed not_stored',
    'failed lease_lost',
  ]);
  await once.execute('own', () => once.execute('own', async () => 1).catch(() => undefined));
  expect(metrics.sum(ONCE_METRICS.calls, { outcome: 'refused', reason: 'own_chain' })).toBe(1);
  const stored = metrics.all.filter(({ name }) => name === ONCE_METRICS.storeDuration);
  expect(new Set(stored.map(({ attributes }) => attributes['operation']))).toEqual(
    new Set(['claim', 'complete', 'release', 'clear']),
  );
  expect(stored.some(({ attributes }) => attributes['outcome'] === 'INTERNAL')).toBe(true);
  expect(JSON.stringify(metrics.all)).not.toContain('large');
  await once.close();
  await cache.close();
});
