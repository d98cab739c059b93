import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { CacheModule, CacheProvider, getCacheToken, InjectCache } from '@infra-kit/cache';
import { HealthRegistry, TEST_SETTING } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';

@Injectable()
class Basket implements OnModuleDestroy, OnApplicationShutdown {
  readonly seen: unknown[] = [];

  constructor(
    readonly cache: CacheProvider,
    @InjectCache('sessions') readonly sessions: CacheProvider,
  ) {}

  async onModuleDestroy(): Promise<void> {
    this.seen.push(await this.cache.set('a', 'last words'));
  }
  async onApplicationShutdown(): Promise<void> {
    this.seen.push(await this.cache.get('a'));
  }
}

@Injectable()
class Settings {
  readonly prefix = 'from-settings:';
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

const before = process.env['REDIS_URL'];
beforeEach(() => {
  delete process.env['REDIS_URL'];
});
afterEach(() => {
  if (before !== undefined) process.env['REDIS_URL'] = before;
});

describe('the module of the cache', () => {
  it('provides a cache and named ones to every class, and closes them after the last user hook', async () => {
    const app = await Test.createTestingModule({
      imports: [
        CacheModule.forRoot({ keyPrefix: 'main:' }),
        CacheModule.forRootAsync({
          name: 'sessions',
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: async (settings) => ({
            driver: 'memory',
            keyPrefix: settings.prefix,
            defaultTtlMs: 5000,
          }),
        }),
      ],
      providers: [Basket],
    }).compile();
    await app.init();
    const basket = app.get(Basket);
    expect([basket.cache.name, basket.sessions.name]).toEqual(['default', 'sessions']);
    expect(app.get(getCacheToken('sessions'))).toBe(basket.sessions);
    expect(app.get(getCacheToken())).toBe(basket.cache);
    await basket.sessions.set('a', 1);
    expect(await basket.sessions.ttlMs('a')).toBeLessThanOrEqual(5000);
    expect(await basket.cache.exists('a')).toBe(0);
    expect(await app.get(HealthRegistry).check()).toMatchObject({
      status: 'up',
      detail: { cache: { status: 'up' }, 'cache.sessions': { status: 'up' } },
    });
    await app.close();
    expect(basket.seen).toEqual([true, 'last words']);
    await expect(basket.cache.get('a')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await expect(basket.sessions.get('a')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('fails the start for a bad configuration, and demands nothing while the module is only declared', async () => {
    const declared = CacheModule.forRoot({ driver: 'redis' });
    const starting = Test.createTestingModule({ imports: [declared] })
      .setLogger({ log: () => undefined, warn: () => undefined, error: () => undefined })
      .compile();
    await expect(starting).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('REDIS_URL'),
    });
  });

  it('runs on memory and the clock of the test in a test application, whatever address the code passes', async () => {
    const clock = new FakeClock();
    const app = await Test.createTestingModule({
      imports: [
        CacheModule.forRoot({ url: 'redis://nowhere.invalid', keyPrefix: 'p:' }),
        CacheModule.forRoot({
          name: 'b',
          sentinels: [{ host: 'nowhere.invalid', port: 1 }],
          sentinelName: 'm',
        }),
      ],
    })
      .overrideProvider(TEST_SETTING)
      .useValue({ clock })
      .compile();
    await app.init();
    const cache = app.get(CacheProvider);
    await cache.set('a', 1, { ttlMs: 1000 });
    await clock.advance(1000);
    expect(await cache.get('a')).toBeUndefined();
    await app.close();
  });
});
