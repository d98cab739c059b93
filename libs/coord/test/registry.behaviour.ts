import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import type { ServiceInstance, ServiceRegistry } from '@infra-kit/coord';
import { collect, CoordBench, type CoordTarget } from './coord-bench.js';

const within = { withinMs: 20_000 };
const one = (id: string, more: Partial<ServiceInstance> = {}): ServiceInstance => ({
  service: 'orders',
  id,
  address: `${id}.example:80`,
  ...more,
});

async function ids(registry: ServiceRegistry): Promise<string> {
  return (await registry.discover('orders')).map(({ id }) => id).join('');
}
const shown = (lists: readonly (readonly ServiceInstance[])[]): string[] =>
  lists.map((list) => list.map(({ id }) => id).join(''));

/** The service registry, on any store. */
export function describeRegistry(target: CoordTarget): void {
  describe(`the registry on ${target.name}`, () => {
    it('finds what was registered, as it was registered, and nothing of another service', async () => {
      await using bench = new CoordBench(target);
      const [a, b] = [await bench.client(), await bench.client()];
      const full = one('b', { metadata: { version: '2' }, weight: 3, zone: 'eu-1' });
      const registration = await a.coord.registry.register(full);
      await b.coord.registry.register(one('a'));
      await b.coord.registry.register({ service: 'orders-old', id: 'x', address: '[::1]:80' });
      expect(registration.instance).toEqual(full);
      expect(await b.coord.registry.discover('orders')).toEqual([one('a'), full]);
      expect(await b.coord.registry.discover('nobody')).toEqual([]);
      expect(await bench.keys('/registry/orders/')).toEqual(['/registry/orders/a', '/registry/orders/b']);
    });

    it('tells watchers the present list, then each new one, and never the same twice in a row', async () => {
      await using bench = new CoordBench(target);
      const [a, b] = [await bench.client(), await bench.client()];
      const watch = collect(b.coord.registry.watch('orders'));
      await eventually(() => expect(shown(watch.items)).toEqual(['']), within);
      const first = await a.coord.registry.register(one('a'));
      await eventually(() => expect(shown(watch.items)).toEqual(['', 'a']), within);
      await a.coord.registry.register(one('a')); // anew, and the same
      const second = await a.coord.registry.register(one('b'));
      await eventually(() => expect(shown(watch.items)).toEqual(['', 'a', 'ab']), within);
      await second.update({ version: '2' });
      await eventually(
        () => expect(watch.items.at(-1)?.[1]).toEqual(one('b', { metadata: { version: '2' } })),
        within,
      );
      expect(second.instance.metadata).toEqual({ version: '2' });
      await second.unregister();
      await eventually(() => expect(shown(watch.items)).toEqual(['', 'a', 'ab', 'ab', 'a']), within);
      await first.unregister(); // its record is another registration's by now
      await second.unregister();
      await expect(second.update({})).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      expect(await ids(b.coord.registry)).toBe('a');
      await watch.end();
    });

    it('tells a slow reader the newest list, and not the one it has', async () => {
      await using bench = new CoordBench(target);
      const [a, b] = [await bench.client(), await bench.client()];
      await a.coord.registry.register(one('a'));
      const control = collect(b.coord.registry.watch('orders'));
      const slow = b.coord.registry.watch('orders');
      expect(shown([(await slow.next()).value])).toEqual(['a']);
      await (await a.coord.registry.register(one('b'))).unregister();
      await eventually(() => expect(shown(control.items)).toEqual(['a', 'ab', 'a']), within);
      const next = slow.next();
      await a.coord.registry.register(one('c'));
      expect(shown([(await next).value])).toEqual(['ac']);
      await Promise.all([slow.return?.(), control.end()]);
    });

    it('is left at once by an instance that unregisters, and by all when their coord closes', async () => {
      await using bench = new CoordBench(target);
      const [a, b] = [await bench.client(), await bench.client()];
      for (const id of ['a', 'b', 'c']) await a.coord.registry.register(one(id), { ttlMs: 60_000 });
      const [, , c] = [0, 0, await b.coord.registry.register(one('d'))];
      expect(await ids(b.coord.registry)).toBe('abcd');
      await c.unregister();
      expect(await ids(b.coord.registry)).toBe('abc');
      await a.coord.close();
      expect(await ids(b.coord.registry)).toBe('');
      expect(await bench.keys('/registry')).toEqual([]);
    });

    it('keeps an instance for as long as its process renews, and lets it go when it does not', async () => {
      await using bench = new CoordBench(target);
      const [a, b] = [await bench.client(), await bench.client()];
      await a.coord.registry.register(one('a'), { ttlMs: 1000 });
      const watch = collect(b.coord.registry.watch('orders'));
      await eventually(() => expect(a.faults.calls.get('keepAlive')).toBeGreaterThan(6), within);
      expect(shown(watch.items)).toEqual(['a']);
      a.faults.cut();
      await eventually(() => expect(shown(watch.items)).toEqual(['a', '']), within);
      await watch.end();
    }, 40_000);

    it('has an instance back by itself that was cut off past its lease', async () => {
      await using bench = new CoordBench(target);
      const [a, b] = [await bench.client(), await bench.client()];
      await a.coord.registry.register(one('a', { metadata: { since: '1' } }), { ttlMs: 1000 });
      a.faults.cut();
      await eventually(async () => expect(await ids(b.coord.registry)).toBe(''), within);
      a.faults.mend();
      await eventually(async () => expect(await ids(b.coord.registry)).toBe('a'), within);
      expect(await b.coord.registry.discover('orders')).toEqual([one('a', { metadata: { since: '1' } })]);
      expect(a.logger.lines.map(({ message }) => message)).toContain('registered again');
    }, 40_000);

    it('keeps the last known list while the store is away', async () => {
      await using bench = new CoordBench(target);
      const [a, b] = [await bench.client(), await bench.client()];
      const registration = await a.coord.registry.register(one('a'), { ttlMs: 1000 });
      const watch = collect(b.coord.registry.watch('orders'));
      await eventually(() => expect(shown(watch.items)).toEqual(['a']), within);
      b.faults.cut();
      await registration.unregister();
      expect(await ids(b.coord.registry)).toBe('a');
      expect((await b.coord.registry.pick('orders')).id).toBe('a');
      await expect(b.coord.registry.discover('never-asked')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(b.coord.registry.pick('never-asked')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      b.faults.mend();
      // it said goodbye, which the watch hears of when it is back
      await eventually(() => expect(shown(watch.items)).toEqual(['a', '']), { withinMs: 1500 });
      await watch.end();
    });

    it('after trouble believes that an instance is gone one largest ttl + 1 s later', async () => {
      await using bench = new CoordBench(target);
      const [a, b, control] = [await bench.client(), await bench.client(), await bench.client()];
      await a.coord.registry.register(one('a'), { ttlMs: 2000 });
      await a.coord.registry.register(one('b'), { ttlMs: 2000 });
      const watch = collect(b.coord.registry.watch('orders'));
      const untroubled = collect(control.coord.registry.watch('orders'));
      await eventually(
        () => expect([shown(watch.items), shown(untroubled.items)]).toEqual([['ab'], ['ab']]),
        within,
      );
      b.faults.cut();
      a.faults.cut();
      // the control: who was not cut off sees them go
      await eventually(() => expect(shown(untroubled.items).at(-1)).toBe(''), within);
      b.faults.mend();
      const back = performance.now();
      expect(await ids(b.coord.registry)).toBe('ab');
      await eventually(() => expect(shown(watch.items).at(-1)).toBe(''), within);
      expect(performance.now() - back).toBeGreaterThan(2900);
      expect(shown(watch.items)).toEqual(['ab', '']);
      await Promise.all([watch.end(), untroubled.end()]);
    }, 60_000);

    it('does not tell of instances that come back within that time', async () => {
      await using bench = new CoordBench(target);
      const [a, b] = [await bench.client(), await bench.client()];
      await a.coord.registry.register(one('a'), { ttlMs: 1000 });
      const watch = collect(b.coord.registry.watch('orders'));
      await eventually(() => expect(shown(watch.items)).toEqual(['a']), within);
      a.faults.cut();
      b.faults.cut();
      await eventually(async () => expect(await bench.keys('/registry')).toEqual([]), within);
      b.faults.mend();
      a.faults.mend();
      await eventually(async () => expect(await bench.keys('/registry')).toHaveLength(1), within);
      await a.coord.registry.register(one('b'), { ttlMs: 1000 });
      await eventually(() => expect(shown(watch.items)).toEqual(['a', 'ab']), within);
      await watch.end();
    }, 60_000);

    it('holds for trouble, too, that calls get no answer while the watch stays: who vanishes then is missing first', async () => {
      await using bench = new CoordBench(target);
      const [a, b, reader] = [await bench.client(), await bench.client(), await bench.client()];
      await a.coord.registry.register(one('a'), { ttlMs: 1000 });
      await b.coord.registry.register(one('b'), { ttlMs: 1000 });
      const watch = collect(reader.coord.registry.watch('orders'));
      await eventually(() => expect(shown(watch.items)).toEqual(['ab']), within);
      reader.faults.loseAnswers();
      a.faults.cut();
      await eventually(async () => expect(await bench.keys('/registry/')).toHaveLength(1), within);
      await b.coord.registry.register(one('c'), { ttlMs: 1000 });
      await eventually(() => expect(shown(watch.items)).toEqual(['ab', 'abc']), within);
      const back = performance.now();
      reader.faults.mend();
      await eventually(() => expect(shown(watch.items)).toEqual(['ab', 'abc', 'bc']), within);
      expect(performance.now() - back).toBeGreaterThanOrEqual(1990);
      await watch.end();
    }, 60_000);

    it('picks by strategy, from what the watch has told', async () => {
      await using bench = new CoordBench(target);
      const { coord, faults } = await bench.client();
      const { registry } = coord;
      await expect(registry.pick('orders')).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining('orders'),
      });
      for (const id of ['a', 'b', 'c']) await registry.register(one(id, { zone: id === 'c' ? 'z' : 'y' }));
      await registry.discover('orders');
      const asked = faults.calls.get('range');
      const picked: string[] = [];
      for (let n = 0; n < 6; n++) picked.push((await registry.pick('orders')).id);
      expect(picked.join('')).toBe('abcabc');
      expect((await registry.pick('orders', { strategy: 'random', zone: 'z' })).id).toBe('c');
      const hashed = await registry.pick('orders', { strategy: 'consistent-hash', hashKey: 'user-7' });
      expect(await registry.pick('orders', { strategy: 'consistent-hash', hashKey: 'user-7' })).toEqual(
        hashed,
      );
      expect(faults.calls.get('range')).toBe(asked);
    });

    it('learns of the end of a call by done(), or by the end of a using block', async () => {
      await using bench = new CoordBench(target);
      const { registry } = (await bench.client()).coord;
      for (const id of ['a', 'b']) await registry.register(one(id));
      const strategy = 'least-pending';
      const first = await registry.pick('orders', { strategy });
      const second = await registry.pick('orders', { strategy });
      expect([first.id, second.id]).toEqual(['a', 'b']);
      second.done();
      {
        using third = await registry.pick('orders', { strategy });
        expect(third.id).toBe('b');
      }
      expect((await registry.pick('orders', { strategy })).id).toBe('b');
      expect(first).toEqual(one('a'));
      expect(JSON.parse(JSON.stringify(first))).toEqual(one('a'));
    });

    it('refuses bad input, naming it, and nothing has happened', async () => {
      await using bench = new CoordBench(target);
      const { registry } = (await bench.client()).coord;
      const bad: Partial<ServiceInstance>[] = [
        { address: 'example' },
        { address: 'example:' },
        { address: 'example:0' },
        { address: 'example:70000' },
        { address: 'http://example:80' },
        { address: '::1:80' },
        { address: '' },
        { id: '' },
        { id: 'a/b' },
        { service: '' },
        { service: 'a/b' },
        { weight: -1 },
        { weight: Number.NaN },
        { metadata: { a: 1 } as unknown as Record<string, string> },
        { zone: 1 as unknown as string },
      ];
      for (const part of bad)
        await expect(registry.register(one('a', part))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      for (const ttlMs of [999, 0, 1500.5, Infinity])
        await expect(registry.register(one('a'), { ttlMs })).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringContaining('ttlMs'),
        });
      for (const service of ['', 'a/b', 7 as unknown as string]) {
        await expect(registry.discover(service)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
        await expect(registry.pick(service)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
        await expect(registry.watch(service).next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
      await expect(
        registry.pick('orders', { strategy: 'best' as unknown as 'random' }),
      ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(registry.pick('orders', { strategy: 'consistent-hash' })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('hashKey'),
      });
      expect(await bench.keys('')).toEqual([]);
    });

    it('leaves out a record that is none, and ends its watches with their signal and with the coord', async () => {
      await using bench = new CoordBench(target);
      const { coord, logger } = await bench.client();
      await bench.put('/registry/orders/x', 'not a record');
      const stop = new AbortController();
      const bySignal = collect(coord.registry.watch('orders', { signal: stop.signal }));
      const byClose = collect(coord.registry.watch('orders'));
      await eventually(() => expect([bySignal.items, byClose.items]).toEqual([[[]], [[]]]), within);
      expect(logger.lines.map(({ message }) => message)).toContain('left out: a record that is no instance');
      stop.abort();
      expect(await bySignal.done).toBeUndefined();
      await coord.close();
      expect(await byClose.done).toBeUndefined();
      await expect(coord.registry.discover('orders')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      await expect(coord.registry.pick('orders')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      await expect(coord.registry.register(one('a'))).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    });
  });
}
