import { describe, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { FakeClock, RecordingLogger } from '@infra-kit/kernel/testing';
import { MemoryCacheDriver } from '../src/drivers/memory/memory.driver.js';

const NEAR = { maxEntries: 10, ttlMs: 1000 };

describe('the configuration of a near cache', () => {
  it('is left out before the memory driver, in a sentence', async () => {
    const logger = new RecordingLogger();
    const cache = await createCache({ driver: 'memory', near: NEAR }, { env: 'test', logger });
    expect(logger.lines).toMatchObject([
      { level: 'info', message: 'near is left out: the memory driver is in this process already' },
    ]);
    await cache.set('a', { n: 1 });
    expect(await cache.get('a')).not.toBe(await cache.get('a'));
    expect((await cache.health()).detail).not.toHaveProperty('near');
  });

  it('is refused before a driver that does not tell of changes', async () => {
    const driver = Object.assign(new MemoryCacheDriver({ maxEntries: 10, clock: new FakeClock() }), {
      kind: 'mine',
      local: false,
    });
    await expect(createCache({ driver, near: NEAR }, { env: 'test' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('near: the mine driver does not tell of changes'),
    });
  });

  it('is refused for Redis Cluster, in a sentence', async () => {
    const config: object = { clusterNodes: [{ host: '127.0.0.1', port: 1 }], near: NEAR };
    await expect(createCache(config, { env: 'test' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('near: it is not made for Redis Cluster'),
    });
  });

  it('names every bad field', async () => {
    const near = { maxEntries: 0, ttlMs: 'soon', clone: 'yes', pingMs: -1, more: 1 };
    const refused = createCache({ ...({ near } as object), driver: 'memory' }, { env: 'test' });
    for (const field of Object.keys(near)) await expect(refused).rejects.toThrow(`near.${field}`);
  });
});
