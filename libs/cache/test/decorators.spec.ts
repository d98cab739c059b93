import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Header,
  Injectable,
  Module,
  Param,
  Scope,
  type ModuleMetadata,
  type Provider,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Cacheable,
  CacheEvict,
  CacheModule,
  CacheProvider,
  getCacheToken,
  type CacheDriver,
} from '@infra-kit/cache';
import { InfraError } from '@infra-kit/kernel';
import { eventually, FakeClock, faulty } from '@infra-kit/kernel/testing';
import { isObservable, lastValueFrom, Observable, of, toArray } from 'rxjs';
import { MemoryCacheDriver } from '../src/drivers/memory/memory.driver.js';
import { IO, systemError } from './fixtures/faulty-cache.js';

const HOUR_MS = 3_600_000;

@Injectable()
class Products {
  readonly asked: string[] = [];
  readonly kind: string = 'chair';
  found: string | null | undefined = 'one';

  @Cacheable({
    key(this: Products, id: number) {
      return `${this.kind}:${id}`;
    },
    ttlMs: HOUR_MS,
    staleMs: HOUR_MS,
    tags: (id: number) => ['products', `product:${id}`],
  })
  async find(id: number): Promise<{ id: number; name: string }> {
    this.asked.push(`find ${id}`);
    return { id, name: `${this.kind} ${id}` };
  }

  @Cacheable({ key: (name: string) => `maybe:${name}`, ttlMs: HOUR_MS })
  async maybe(name: string): Promise<string | null | undefined> {
    this.asked.push(`maybe ${name}`);
    return this.found;
  }

  @Cacheable({ key: () => 'nothing', ttlMs: HOUR_MS, negativeTtlMs: HOUR_MS })
  async nothing(): Promise<string | undefined> {
    this.asked.push('nothing');
    return undefined;
  }

  @Cacheable({ key: () => 'failing', ttlMs: HOUR_MS })
  async failing(error: Error): Promise<never> {
    this.asked.push('failing');
    throw error;
  }

  @Cacheable({ key: (id: number) => `stream:${id}`, ttlMs: HOUR_MS })
  stream(id: number): Observable<string> {
    this.asked.push(`stream ${id}`);
    return of(`first ${id}`, `last ${id}`);
  }

  @Cacheable({ key: (id: number) => `s:${id}`, ttlMs: HOUR_MS, cache: 'sessions' })
  async session(id: number): Promise<number> {
    this.asked.push(`session ${id}`);
    return id;
  }

  @CacheEvict({ key: (id: number) => [`chair:${id}`, `stool:${id}`] })
  async rename(id: number, error?: Error): Promise<string> {
    if (error) throw error;
    return `renamed ${id}`;
  }

  @CacheEvict({ tags: (id: number) => [`product:${id}`] })
  async reprice(id: number): Promise<number> {
    return id;
  }

  @CacheEvict({ tags: ['products'], key: () => 'maybe:a' })
  all(): Observable<number> {
    return of(1, 2, 3);
  }
}

@Injectable()
class Stools extends Products {
  override readonly kind = 'stool';
}

@Controller({ path: 'products', scope: Scope.REQUEST })
class ProductController {
  static asked = 0;

  @Cacheable({ key: (id: string) => `http:${id}`, ttlMs: HOUR_MS })
  @Header('x-below', 'kept')
  @Get('above/:id')
  async above(@Param('id') id: string): Promise<object> {
    return { id, asked: ++ProductController.asked };
  }

  @Get('below/:id')
  @Header('x-below', 'kept')
  @Cacheable({ key: (id: string) => `http:${id}`, ttlMs: HOUR_MS })
  async below(@Param('id') id: string): Promise<object> {
    return { id, asked: ++ProductController.asked };
  }
}

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

const quiet = { logger: false, abortOnError: false } as const;
const caches = (): ModuleMetadata['imports'] => [
  CacheModule.forRoot({ driver: 'memory' }),
  CacheModule.forRoot({ driver: 'memory', name: 'sessions' }),
];

async function start(imports: ModuleMetadata['imports'], providers: Provider[] = [Products, Stools]) {
  @Module({ imports: imports ?? [], providers })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, quiet);
  open.push(app);
  return app;
}

describe('@Cacheable', () => {
  it('runs the method once a key, of this object and its subclasses, under the key it was told', async () => {
    const app = await start(caches());
    const [chairs, stools, cache] = [app.get(Products), app.get(Stools), app.get(CacheProvider)];
    const both = await Promise.all([chairs.find(1), chairs.find(1), chairs.find(2), stools.find(1)]);
    expect(both.map(({ name }) => name)).toEqual(['chair 1', 'chair 1', 'chair 2', 'stool 1']);
    expect(await chairs.find(1)).toEqual({ id: 1, name: 'chair 1' });
    expect([chairs.asked, stools.asked]).toEqual([['find 1', 'find 2'], ['find 1']]);
    expect(await cache.get('chair:2')).toEqual({ id: 2, name: 'chair 2' });
    await cache.invalidateTags('product:2');
    await chairs.find(1);
    await chairs.find(2);
    expect(chairs.asked).toEqual(['find 1', 'find 2', 'find 2']);
  });

  it('gives a stale value for staleMs more', async () => {
    const app = await start(caches());
    const [products, cache] = [app.get(Products), app.get(CacheProvider)];
    await products.find(1);
    await cache.expire('chair:1', 1);
    await eventually(async () => expect(await cache.get('chair:1')).toBeUndefined());
    expect(await products.find(1)).toEqual({ id: 1, name: 'chair 1' });
    await eventually(() => expect(products.asked).toEqual(['find 1', 'find 1']));
  });

  it('stores null, gives undefined back unstored, and lets errors out as they are', async () => {
    const app = await start(caches());
    const products = app.get(Products);
    for (const [found, asked] of [
      [undefined, 1],
      [undefined, 2],
      [null, 3],
      [undefined, 3],
    ] as const) {
      products.found = found;
      expect(await products.maybe('a')).toBe(asked === 3 ? null : undefined);
      expect(products.asked).toHaveLength(asked);
    }
    expect([await products.nothing(), await products.nothing()]).toEqual([undefined, undefined]);
    expect(products.asked.filter((each) => each === 'nothing')).toHaveLength(2);
    const mishap = new TypeError('mishap');
    await expect(products.failing(mishap)).rejects.toBe(mishap);
    await expect(products.failing(mishap)).rejects.toBe(mishap);
    expect(products.asked.filter((each) => each === 'failing')).toHaveLength(2);
  });

  it('keeps the last value of an Observable, and asks again only whoever subscribes after it went', async () => {
    const app = await start(caches());
    const products = app.get(Products);
    const stream = products.stream(1);
    expect(isObservable(stream)).toBe(true);
    expect(products.asked).toEqual([]);
    expect(await lastValueFrom(stream)).toBe('last 1');
    expect(await lastValueFrom(products.stream(1).pipe(toArray()))).toEqual(['last 1']);
    expect(products.asked).toEqual(['stream 1']);
  });

  it('uses the instance it names', async () => {
    const app = await start(caches());
    await app.get(Products).session(7);
    expect(await app.get<CacheProvider>(getCacheToken('sessions')).get('s:7')).toBe(7);
    expect(await app.get(CacheProvider).exists('s:7')).toBe(0);
  });

  it('works on handlers, on either side of the route, request-scoped ones too', async () => {
    @Module({ imports: caches() ?? [], controllers: [ProductController] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, quiet);
    open.push(app);
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    for (const path of ['above/1', 'below/1', 'above/1', 'below/2', 'above/2']) {
      const answer = await fetch(`${url}/products/${path}`);
      expect(answer.headers.get('x-below')).toBe('kept');
      expect(await answer.json()).toEqual({ id: path.at(-1), asked: Number(path.at(-1)) });
    }
  });

  it.each([
    ['the cache', [CacheModule.forRoot({ driver: 'memory', name: 'sessions' })], 'CacheModule.forRoot(...)'],
    [
      'a named one',
      [CacheModule.forRoot({ driver: 'memory' })],
      "InfraKitModule.forRoot({ cache: [{ name: 'sessions'",
    ],
  ])('fails the start without its module, naming the import: %s', async (_which, imports, sentence) => {
    await expect(start(imports)).rejects.toThrow(sentence);
    const made = { provide: 'made', useFactory: () => new Products() };
    await expect(start(imports, [made])).rejects.toThrow(sentence);
  });

  it('fails the first call of an object that nobody could give a cache', async () => {
    const app = await start([], [{ provide: 'made', useFactory: () => new Products() }]);
    const call = (): Promise<unknown> => app.get<Products>('made').find(1);
    expect(call).toThrow(/@Cacheable on find: .*CacheModule\.forRoot/);
  });

  it('refuses options that are none where they stand', () => {
    const bad = { key: 'id', ttlMs: 5 } as never;
    expect(() => Cacheable(bad)).toThrow(/@Cacheable: key must be a function, got "id"/);
    expect(() => Cacheable({ key: () => 'a', ttlMs: 0 })).toThrow(/ttlMs must be milliseconds > 0, got 0/);
    expect(() => CacheEvict({} as never)).toThrow(/@CacheEvict: key must be a function, or tags be given/);
    for (const none of [undefined, null, 'a'] as never[]) {
      expect(() => Cacheable(none)).toThrow(/@Cacheable: options must be an object/);
      expect(() => CacheEvict(none)).toThrow(/@CacheEvict: options must be an object/);
    }
    const tags = 'products' as never;
    expect(() => Cacheable({ key: () => 'a', ttlMs: 1, tags })).toThrow(
      /@Cacheable: tags must be a list or a function, got "products"/,
    );
    expect(() => CacheEvict({ tags })).toThrow(/@CacheEvict: tags must be a list or a function/);
    expect(() => CacheEvict({ key: 'id' as never, tags: ['a'] })).toThrow(
      /@CacheEvict: key must be a function/,
    );
  });
});

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
