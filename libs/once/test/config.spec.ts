import { describe, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { isConfigError, ReloadRegistry } from '@infra-kit/kernel';
import { FakeClock, RecordingLogger } from '@infra-kit/kernel/testing';
import { createOnce, defaultOnceConfig, parseOnceConfig, type OnceConfigOptions } from '@infra-kit/once';

const place = { env: 'test', instance: 'default', hasCache: false, hasDb: false };

function problems(options: unknown, with_: Partial<typeof place> = {}): readonly string[] {
  try {
    parseOnceConfig(options, { ...place, ...with_ });
    return [];
  } catch (error) {
    if (!isConfigError(error)) throw error;
    return error.problems;
  }
}

describe('the configuration', () => {
  it('has the documented defaults', () => {
    expect(parseOnceConfig({}, place)).toMatchObject({
      store: 'cache',
      ttlMs: 86_400_000,
      leaseMs: 30_000,
      keyPrefix: 'once:',
      maxKeyLength: 255,
      maxResultBytes: 65_536,
      onStoreError: 'closed',
      storeTimeoutMs: 200,
      autoMigrate: true,
    });
    expect(defaultOnceConfig('production').autoMigrate).toBe(false);
    expect(parseOnceConfig({ ttlMs: '1h', leaseMs: '5s' }, place)).toMatchObject({
      ttlMs: 3_600_000,
      leaseMs: 5000,
    });
  });

  it('keeps keys where there is a place, the cache first', () => {
    expect(parseOnceConfig({}, { ...place, hasDb: true }).store).toBe('db');
    expect(parseOnceConfig({}, { ...place, hasDb: true, hasCache: true }).store).toBe('cache');
  });

  it('needs a place in production, and the database it asks for anywhere', () => {
    expect(problems({}, { env: 'production' }).join()).toContain('needs a cache or a database');
    expect(problems({}, { env: 'production', hasCache: true })).toEqual([]);
    expect(problems({}, { env: 'production', hasDb: true })).toEqual([]);
    expect(problems({ store: 'db' }).join()).toContain('needs a database');
    expect(problems({ store: 'cache' }, { env: 'production', hasDb: true })).toHaveLength(1);
  });

  it('names all that is wrong at once', () => {
    const wrong = problems({
      store: 'file',
      ttlMs: 0,
      leaseMs: 'soon',
      maxKeyLength: 1e6,
      maxResultBytes: -1,
      onStoreError: 'local',
      storeTimeoutMs: 0.5,
      nonsense: 1,
      keyPrefix: null,
    }).join('\n');
    for (const field of [
      'store',
      'ttlMs',
      'leaseMs',
      'maxKeyLength',
      'maxResultBytes',
      'onStoreError',
      'storeTimeoutMs',
      'nonsense',
      'keyPrefix',
    ])
      expect(wrong).toMatch(new RegExp(`^${field}: `, 'm'));
    expect(problems('x')).toHaveLength(1);
  });
});

describe('without a store', () => {
  it('starts in memory in development and test, and fails in production', async () => {
    for (const env of ['development', 'test']) {
      const once = await createOnce({}, { env });
      expect(await once.do('k', async () => 1)).toBe(true);
      expect(await once.do('k', async () => 1)).toBe(false);
      await once.close();
    }
    await expect(createOnce({}, { env: 'production' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses a call for the store that is not there', async () => {
    const once = await createOnce({}, { env: 'test' });
    await expect(once.execute('k', async () => 1, { store: 'db' })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    await once.close();
  });
});

it('takes a new configuration while it runs, and says what waits for a restart', async () => {
  const [clock, logger] = [new FakeClock(), new RecordingLogger()];
  const reload = new ReloadRegistry({ logger, clock });
  const cache = await createCache({ driver: 'memory' }, { env: 'test', clock });
  const options: OnceConfigOptions = { ttlMs: 1000 };
  const once = await createOnce(options, { env: 'test', clock, reload, cache });
  await once.do('a', async () => 1);
  let revision = 0n;
  const offer = (value: object) => reload.offer('once', 'default', { revision: ++revision, value });
  expect(await offer({ ttlMs: '1h', keyPrefix: 'other:' })).toMatchObject({ restartRequired: ['keyPrefix'] });
  await once.do('b', async () => 1);
  const ttl = async (key: string): Promise<number> => {
    const record = await once.get(key);
    return (record?.expiresAt ?? 0) - (record?.doneAt ?? 0);
  };
  expect([await ttl('a'), await ttl('b')]).toEqual([1000, 3_600_000]);
  await offer({ ttlMs: -1 });
  await once.do('c', async () => 1);
  expect(await ttl('c')).toBe(3_600_000);
  expect(reload.status()).toMatchObject([{ component: 'once' }]);
  await once.close();
  await cache.close();
});
