import { describe, expect, it } from '@jest/globals';
import { createCache, type CacheOptions } from '@infra-kit/cache';
import { refreshesEarly } from '../src/operations/early-refresh.js';
import { openEntry, sealEntry } from '../src/operations/stored-entry.js';
import { seededRandom } from '@infra-kit/kernel/testing';

const TAGS = { 'p:products': 'v1', 'with "quotes"\n and \u0001': 'v2' };

describe('what is stored beside a value', () => {
  it.each([['{"a":1}'], [''], [Buffer.from([0, 1, 255, 10, 10])], [Buffer.alloc(0)]])(
    'comes back with the value: %p',
    (payload) => {
      for (const meta of [
        { staleMs: 5 },
        { loadMs: 7 },
        { tags: TAGS },
        { staleMs: 1, loadMs: 2, tags: TAGS },
      ]) {
        const opened = openEntry(sealEntry(payload, meta));
        expect(opened).toEqual({
          payload,
          meta: { staleMs: undefined, loadMs: undefined, tags: undefined, ...meta },
        });
        const bytes = openEntry(Buffer.from(sealEntry(payload, meta)));
        expect(bytes.payload.toString('latin1')).toBe(Buffer.from(payload).toString('latin1'));
      }
    },
  );

  it('is nothing for a bare value, which stays byte for byte what it is', () => {
    for (const payload of ['{"a":1}', '', '12', Buffer.from([1]), Buffer.from('plain')]) {
      expect(sealEntry(payload)).toBe(payload);
      expect(openEntry(payload)).toEqual({ payload, meta: undefined });
    }
  });

  it('keeps a value that looks like it apart', () => {
    for (const sly of [sealEntry('x', { staleMs: 1 }), sealEntry(Buffer.from('x'), { tags: TAGS })]) {
      const stored = sealEntry(sly);
      expect(stored).not.toEqual(sly);
      expect(openEntry(stored).payload).toEqual(sly);
      expect(openEntry(sealEntry(sly, { loadMs: 1 })).payload).toEqual(sly);
    }
  });

  it('takes for a bare value what it cannot have written', () => {
    for (const odd of [
      '\u0001ik1',
      '\u0001ik1{"s":',
      '\u0001ik1{"s":-1}\nx',
      '\u0001ik1{"t":{"a":1}}\nx',
      '\u0001ik1null\nx',
    ])
      for (const data of [odd, Buffer.from(odd)])
        expect(openEntry(data)).toEqual({ payload: data, meta: undefined });
  });

  it.each<[string, CacheOptions, unknown]>([
    ['raw', { codec: 'raw' }, Buffer.from('\u0001ik1{"s":60000}\nnot mine')],
    ['json', { codec: 'json' }, '\u0001ik1{"s":60000}\nnot mine'],
    ['msgpack', { codec: 'msgpack' }, { a: '\u0001ik1{}\n', b: Buffer.from('\u0001ik1{}\n') }],
  ])('cannot be forged by a value of codec %s', async (_name, options, value) => {
    const cache = await createCache({ driver: 'memory', ...options }, { env: 'test' });
    await cache.set('a', value, { ttlMs: 1000 });
    expect(await cache.get('a')).toEqual(value);
    await cache.set('b', value, { ttlMs: 1000, tags: ['t'] });
    expect(await cache.getMany(['a', 'b'])).toEqual([value, value]);
    expect(await cache.getOrSet('c', async () => value, { ttlMs: 1000, staleMs: 1000 })).toEqual(value);
    expect(await cache.getOrSet('c', async () => null, { ttlMs: 1000 })).toEqual(value);
    await cache.close();
  });
});

describe('early refresh', () => {
  it('comes with the probability of XFetch: e to the power of minus what is left over load time and beta', () => {
    const random = seededRandom();
    const rate = (freshMs: number, loadMs: number, beta: number): number => {
      const draws = Array.from({ length: 20_000 }, () =>
        refreshesEarly({ freshMs, loadMs, beta, random: 1 - random.next() }),
      );
      return draws.filter(Boolean).length / draws.length;
    };
    for (const [freshMs, loadMs, beta] of [
      [100, 100, 1],
      [300, 100, 1],
      [100, 50, 4],
      [10, 100, 0.5],
    ] as const)
      expect(Math.abs(rate(freshMs, loadMs, beta) - Math.exp(-freshMs / (loadMs * beta)))).toBeLessThan(0.02);
    expect(rate(1, 100, 0)).toBe(0);
    expect(rate(1, 0, 1)).toBe(0);
  });
});
