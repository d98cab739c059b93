import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Module, Param, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cacheable, CacheEvict, CacheModule, CacheProvider, getCacheToken } from '@infra-kit/cache';
import { eventually } from '@infra-kit/kernel/testing';
import { isObservable, lastValueFrom, toArray } from 'rxjs';
import { caches, HOUR_MS, open, Products, quiet, start, Stools } from './fixtures/decorated.js';

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

  it('refuses a method that asks for its own key while it runs, through super too', async () => {
    const name = { key: (id: number) => `ring:${id}`, ttlMs: HOUR_MS };
    class Base {
      @Cacheable(name)
      async find(id: number): Promise<string> {
        return `base ${id}`;
      }
    }
    class Derived extends Base {
      @Cacheable(name)
      override async find(id: number): Promise<string> {
        return `derived of ${await super.find(id)}`;
      }
    }
    const app = await start(caches(), [Base, Derived]);
    await expect(app.get(Derived).find(1)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('"ring:1"'),
    });
    expect(await app.get(Base).find(1)).toBe('base 1');
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
    const call = app.get<Products>('made').find(1);
    await expect(call).rejects.toThrow(/@Cacheable on find: .*CacheModule\.forRoot/);
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
