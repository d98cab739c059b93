import { describe, expect, it } from '@jest/globals';
import { createCache, defineScript, type CacheProvider } from '@infra-kit/cache';

const cacheWith = (codec: 'json' | 'raw' | 'msgpack'): Promise<CacheProvider> =>
  createCache({ driver: 'memory', codec }, { env: 'test' });

const UNWRITABLE: readonly (readonly ['json' | 'msgpack', readonly unknown[]])[] = [
  ['json', [undefined, () => 1, Symbol('s'), 10n, loop()]],
  ['msgpack', [undefined, () => 1, Symbol('s'), loop()]],
];

describe('the codec', () => {
  it('json: keeps what JSON keeps', async () => {
    const cache = await cacheWith('json');
    await cache.set('a', { date: new Date(0), gone: undefined, nested: [null] });
    expect(await cache.get('a')).toEqual({ date: '1970-01-01T00:00:00.000Z', nested: [null] });
  });

  it('msgpack: keeps dates and bytes too', async () => {
    const cache = await cacheWith('msgpack');
    const value = {
      date: new Date(1234),
      bytes: new Uint8Array([1, 2]),
      text: 'ä',
      list: [null, 1.5],
      gone: undefined,
    };
    await cache.set('a', value);
    const read = await cache.get<typeof value>('a');
    expect(read).toEqual({
      date: new Date(1234),
      bytes: new Uint8Array([1, 2]),
      text: 'ä',
      list: [null, 1.5],
    });
    read?.bytes.fill(9);
    expect((await cache.get<typeof value>('a'))?.bytes).toEqual(new Uint8Array([1, 2]));
  });

  it('raw: takes strings and bytes, gives Buffers', async () => {
    const cache = await cacheWith('raw');
    await cache.set('text', 'ä');
    await cache.set('bytes', new Uint8Array([0, 255]).subarray(1));
    expect(await cache.get('text')).toEqual(Buffer.from('ä'));
    expect(await cache.get('bytes')).toEqual(Buffer.from([255]));
    for (const value of [1, null, {}, []])
      await expect(cache.set('a', value)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each(['json', 'msgpack'] as const)(
    '%s: whole numbers are counters, and counters values',
    async (codec) => {
      const cache = await cacheWith(codec);
      for (const start of [0, -5, 53, 1_000_000, Number.MIN_SAFE_INTEGER]) {
        await cache.set('n', start);
        expect(await cache.get('n')).toBe(start);
        expect(await cache.increment('n', 4)).toBe(start + 4);
        expect(await cache.get('n')).toBe(start + 4);
      }
      for (const value of [1.5, -0.1, 1e300, true, null, '5', '-', []]) {
        await cache.set('v', value);
        expect(await cache.get('v')).toEqual(value);
      }
    },
  );

  it.each(UNWRITABLE)(
    '%s: refuses what it cannot write, naming the key, and writes nothing',
    async (codec, values) => {
      const cache = await cacheWith(codec);
      await cache.set('mine', 'before');
      for (const value of values) {
        const writes: (() => Promise<unknown>)[] = [
          () => cache.set('mine', value),
          () =>
            cache.setMany([
              ['other', 1],
              ['mine', value],
            ]),
          () => cache.setIfAbsent('mine', value),
          () => cache.getAndSet('mine', value),
          () => cache.getOrSet<unknown>('mine2', async () => value, { ttlMs: 1000 }),
        ];
        for (const write of writes)
          await expect(write()).rejects.toMatchObject({
            code: 'INVALID_ARGUMENT',
            message: expect.stringContaining('mine'),
          });
      }
      expect(await cache.getMany(['mine', 'mine2', 'other'])).toEqual(['before', undefined, undefined]);
    },
  );

  it.each(['json', 'msgpack'] as const)('%s: lets no key reach the prototype of an object', async (codec) => {
    const cache = await cacheWith(codec);
    const forged = JSON.parse('{"list":[{"__proto__":{"polluted":true}}]}') as object;
    const written = cache.set('a', forged);
    if (codec === 'json') {
      await written;
      expect(JSON.stringify(await cache.get('a'))).toBe(JSON.stringify(forged));
    } else
      await expect(written).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('__proto__'),
      });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    for (const harmless of ['__proto__', ['__proto__'], { is: '__proto__', constructor: 1 }]) {
      await cache.set('b', harmless);
      expect(await cache.get('b')).toEqual(harmless);
    }
  });

  it('msgpack: says DATA_LOSS for bytes that are none', async () => {
    const cache = await cacheWith('msgpack');
    await cache.scripts.run(breakIt, ['a'], ['1x']);
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'DATA_LOSS', key: 'a' });
    await cache.scripts.run(breakIt, ['a'], ['\u0092']);
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'DATA_LOSS', key: 'a' });
  });
});

const breakIt = defineScript({
  name: 'break-it',
  lua: "redis.call('SET', KEYS[1], ARGV[1])",
  twin: (view, [key = ''], [value = '']) => {
    view.set(key, value);
    return null;
  },
  decode: () => undefined,
});

function loop(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}
