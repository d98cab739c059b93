import { describe, expect, it } from '@jest/globals';
import { CacheEvict, CacheModule, CacheProvider, type CacheDriver } from '@infra-kit/cache';
import { InfraError } from '@infra-kit/kernel';
import { FakeClock, faulty } from '@infra-kit/kernel/testing';
import { lastValueFrom, Observable, of, toArray } from 'rxjs';
import { MemoryCacheDriver } from '../src/drivers/memory/memory.driver.js';
import { caches, Products, start, Stools } from './fixtures/decorated.js';
import { IO, systemError } from './fixtures/faulty-cache.js';

describe('@CacheEvict', () => {
  it('deletes keys when the method has succeeded, before its caller hears of it, and not when it failed', async () => {
    const app = await start(caches());
    const products = app.get(Products);
    const cache = app.get(CacheProvider);
    await products.find(1);
    const mishap = new Error('mishap');
    await expect(products.rename(1, mishap)).rejects.toBe(mishap);
    expect(await cache.exists('chair:1')).toBe(1);
    expect(await products.rename(1)).toBe('renamed 1');
    expect(await cache.exists('chair:1')).toBe(0);
  });

  it('makes entries void by tags, and waits for the end of an Observable', async () => {
    const app = await start(caches());
    const [products, stools] = [app.get(Products), app.get(Stools)];
    for (const each of [products, stools]) await Promise.all([each.find(1), each.find(2)]);
    await products.reprice(1);
    for (const each of [products, stools]) await Promise.all([each.find(1), each.find(2)]);
    expect(products.asked).toEqual(['find 1', 'find 2', 'find 1']);
    await products.maybe('a');
    const evicting = products.all();
    await products.find(2);
    expect(products.asked).toHaveLength(4);
    expect(await lastValueFrom(evicting.pipe(toArray()))).toEqual([1, 2, 3]);
    await products.find(2);
    await products.maybe('a');
    expect(products.asked.slice(4)).toEqual(['find 2', 'maybe a']);
    expect(stools.asked).toHaveLength(3);
  });

  it.each([
    ['throws', { key: (order: { id: string }) => order.id.trim() }, undefined, TypeError],
    ['names what is no key', { key: (order: { id: string }) => ['a', order.id] }, { id: '' }, InfraError],
    ['names what is no tag', { tags: (order: { id: string }) => [order.id] }, { id: '' }, InfraError],
  ])(
    'asks for its keys before the method, which does not run when that %s',
    async (_how, evicts, order, error) => {
      const ran: string[] = [];
      class Orders {
        @CacheEvict(evicts)
        async cancel(_order: { id: string } | undefined): Promise<void> {
          ran.push('cancel');
        }

        @CacheEvict(evicts)
        stream(_order: { id: string } | undefined): Observable<number> {
          ran.push('stream');
          return of(1);
        }
      }
      const app = await start(caches(), [Orders]);
      await expect(app.get(Orders).cancel(order)).rejects.toBeInstanceOf(error);
      await expect(lastValueFrom(app.get(Orders).stream(order))).rejects.toBeInstanceOf(error);
      expect(ran).toEqual([]);
      await app.get(Orders).cancel({ id: 'a' });
      expect(ran).toEqual(['cancel']);
    },
  );

  it('lets the answer stand, whatever becomes of the eviction', async () => {
    const store = faulty<CacheDriver>(new MemoryCacheDriver({ maxEntries: 100, clock: new FakeClock() }));
    const app = await start([
      CacheModule.forRoot({ driver: store.driver }),
      CacheModule.forRoot({ driver: 'memory', name: 'sessions' }),
    ]);
    store.fail(() => systemError('ECONNREFUSED'), IO);
    expect(await app.get(Products).rename(1)).toBe('renamed 1');
    expect(await app.get(Products).find(1)).toEqual({ id: 1, name: 'chair 1' });
    store.fail(() => new Error('odd'), IO);
    expect(await app.get(Products).rename(1)).toBe('renamed 1');
  });
});
