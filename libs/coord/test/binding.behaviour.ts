import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import type { ConfigCenter, StoredConfigStatus } from '@infra-kit/coord';
import { CoordBench, type CoordTarget } from './coord-bench.js';
import { parse, type Limits } from './limits.js';

const within = { withinMs: 15_000 };

/** What is written back about a document, as whoever pushed it reads it. */
async function statuses(config: ConfigCenter, key: string): Promise<StoredConfigStatus[]> {
  return (await config.list(`/config-status/${key}/`)).map(({ value }) => value as StoredConfigStatus);
}

/** Documents that programs are bound to, on any store. */
export function describeBindings(target: CoordTarget): void {
  describe(`a bound document on ${target.name}`, () => {
    it('is what is stored, and follows it', async () => {
      await using bench = new CoordBench(target);
      const [{ coord }, pusher] = [await bench.client(), await bench.client()];
      const first = await pusher.coord.config.set('limits', { max: 1 });
      const told: unknown[] = [];
      using handle = await coord.config.bind('limits', {
        parse,
        onChange: (value, self) => told.push([value, self.current, self.revision]),
      });
      expect(handle).toMatchObject({ current: { max: 1 }, revision: first, source: 'remote' });
      expect(handle.rejected).toBeUndefined();
      const second = await pusher.coord.config.set('limits', { max: 2 });
      await eventually(() => expect(handle.current).toEqual({ max: 2 }), within);
      expect(handle.revision).toBe(second);
      expect(told).toEqual([[{ max: 2 }, { max: 2 }, second]]);
      expect(await statuses(pusher.coord.config, 'limits')).toEqual([]);
    });

    it('that is bad is refused: the old one stays, and whoever pushed it can read why', async () => {
      await using bench = new CoordBench(target);
      const [{ coord, logger }, pusher] = [await bench.client(), await bench.client()];
      const good = await pusher.coord.config.set('limits', { max: 1 });
      const told: unknown[] = [];
      using handle = await coord.config.bind('limits', { parse, onChange: (value) => told.push(value) });
      const bad = await pusher.coord.config.set('limits', { max: 'many', burst: 'x' });
      const errors = ['max: must be a whole number', 'burst: must be a whole number'];
      await eventually(() => expect(handle.rejected).toEqual({ revision: bad, errors }), within);
      expect(handle).toMatchObject({ current: { max: 1 }, revision: good, source: 'remote' });
      expect(told).toEqual([]);
      await eventually(
        async () =>
          expect(await statuses(pusher.coord.config, 'limits')).toEqual([
            expect.objectContaining({ revision: String(bad), status: 'refused', errors }),
          ]),
        within,
      );
      expect(logger.lines).toContainEqual(
        expect.objectContaining({ level: 'error', fields: { key: '/limits', revision: bad, errors } }),
      );
      const mended = await pusher.coord.config.set('limits', { max: 3 });
      await eventually(() => expect(handle.rejected).toBeUndefined(), within);
      expect(told).toEqual([{ max: 3 }]);
      await eventually(
        async () =>
          expect(await statuses(pusher.coord.config, 'limits')).toEqual([
            expect.objectContaining({ revision: String(mended), status: 'applied', errors: [] }),
          ]),
        within,
      );
    });

    it('that is not JSON is refused too', async () => {
      await using bench = new CoordBench(target);
      const { coord } = await bench.client();
      await coord.config.set('limits', { max: 1 });
      using handle = await coord.config.bind('limits', { parse });
      const bad = await bench.put('/config-data/limits', '{max: 1');
      await eventually(
        () =>
          expect(handle.rejected).toEqual({
            revision: bad,
            errors: [expect.stringContaining('not JSON')],
          }),
        within,
      );
      expect(handle.current).toEqual({ max: 1 });
    });

    it('that is deleted keeps its last good value, and goes on when it comes back', async () => {
      await using bench = new CoordBench(target);
      const { coord } = await bench.client();
      await coord.config.set('limits', { max: 1 });
      using handle = await coord.config.bind('limits', { parse });
      await coord.config.delete('limits');
      const revision = await coord.config.set('other', 1);
      await coord.config.set('limits', { max: 2 });
      await eventually(() => expect(handle.revision).toBeGreaterThan(revision), within);
      expect(handle.current).toEqual({ max: 2 });
      await coord.config.delete('limits');
      await coord.config.set('limits', 'bad');
      await eventually(() => expect(handle.rejected).toBeDefined(), within);
      expect(handle.current).toEqual({ max: 2 });
    });

    it('hurts no other listener with a listener that throws or rejects', async () => {
      await using bench = new CoordBench(target);
      const { coord, logger } = await bench.client();
      await coord.config.set('limits', { max: 1 });
      const told: Limits[] = [];
      using throwing = await coord.config.bind('limits', {
        parse,
        onChange: () => {
          throw new Error('a listener of the application');
        },
      });
      using rejecting = await coord.config.bind('limits', {
        parse,
        onChange: () => Promise.reject(new Error('another one')),
      });
      using good = await coord.config.bind('limits', { parse, onChange: (value) => told.push(value) });
      await coord.config.set('limits', { max: 2 });
      await eventually(() => expect(told).toEqual([{ max: 2 }]), within);
      await coord.config.set('limits', { max: 3 });
      await eventually(() => expect(told).toEqual([{ max: 2 }, { max: 3 }]), within);
      await eventually(() => {
        expect([throwing.current, rejecting.current, good.current]).toEqual([
          { max: 3 },
          { max: 3 },
          { max: 3 },
        ]);
        expect(logger.lines.filter(({ message }) => message.includes('listener'))).toHaveLength(4);
      }, within);
    });

    it('of 10,000 quick updates has the last', async () => {
      await using bench = new CoordBench(target);
      const [{ coord }, driver] = [await bench.client(), await bench.driver()];
      await coord.config.set('limits', { max: -1 });
      const told: number[] = [];
      using handle = await coord.config.bind('limits', { parse, onChange: ({ max }) => told.push(max) });
      const key = `${bench.prefix}/config-data/limits`;
      const call = { signal: new AbortController().signal };
      for (let n = 0; n < 10_000; n += 200)
        await Promise.all(
          Array.from({ length: 200 }, (_, at) =>
            driver.txn({ success: [{ kind: 'put', key, value: `{"max":${n + at}}` }] }, call),
          ),
        );
      const last = await coord.config.getWithRevision<Limits>('limits');
      await eventually(() => expect(handle.revision).toBe(last?.revision), within);
      expect(handle.current).toEqual(last?.value);
      expect(told.at(-1)).toBe(last?.value.max);
    }, 60_000);

    it('begins with the fallback where there is none, and turns to it when it comes', async () => {
      await using bench = new CoordBench(target);
      const { coord } = await bench.client();
      const told: unknown[] = [];
      using handle = await coord.config.bind('limits', {
        parse,
        fallback: { max: 7 },
        onChange: (value) => told.push(value),
      });
      expect(handle).toMatchObject({ current: { max: 7 }, revision: 0n, source: 'fallback' });
      await coord.config.set('limits', { max: 1 });
      await eventually(() => expect(handle.source).toBe('remote'), within);
      expect(told).toEqual([{ max: 1 }]);
    });

    it('without a value, a snapshot or a fallback rejects: NOT_FOUND, INVALID_ARGUMENT, UNAVAILABLE', async () => {
      await using bench = new CoordBench(target);
      const { coord, faults } = await bench.client();
      await expect(coord.config.bind('limits', { parse })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      const bad = await coord.config.set('limits', {});
      await expect(coord.config.bind('limits', { parse })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/limits.*max: must be a whole number/s),
      });
      await eventually(
        async () =>
          expect(await statuses(coord.config, 'limits')).toEqual([
            expect.objectContaining({ revision: String(bad), status: 'refused' }),
          ]),
        within,
      );
      faults.cut();
      await expect(coord.config.bind('limits', { parse })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      faults.mend();
      using handle = await coord.config.bind('limits', { parse, fallback: { max: 7 } });
      expect(handle).toMatchObject({ current: { max: 7 }, source: 'fallback', rejected: { revision: bad } });
    });

    it('keeps its last value while the store is away, and catches up by itself', async () => {
      await using bench = new CoordBench(target);
      const [{ coord, faults }, pusher] = [await bench.client(), await bench.client()];
      await pusher.coord.config.set('limits', { max: 1 });
      using handle = await coord.config.bind('limits', { parse });
      faults.cut();
      await pusher.coord.config.set('limits', { max: 2 });
      await pusher.coord.config.set('limits', { max: 3 });
      expect(handle).toMatchObject({ current: { max: 1 }, source: 'remote' });
      faults.mend();
      await eventually(() => expect(handle.current).toEqual({ max: 3 }), within);
    });

    it('stops with its handle and with the coord', async () => {
      await using bench = new CoordBench(target);
      const [{ coord }, pusher] = [await bench.client(), await bench.client()];
      await pusher.coord.config.set('limits', { max: 1 });
      const closed = await coord.config.bind('limits', { parse });
      using open = await coord.config.bind('limits', { parse });
      closed.close();
      closed.close();
      await pusher.coord.config.set('limits', { max: 2 });
      await eventually(() => expect(open.current).toEqual({ max: 2 }), within);
      expect(closed.current).toEqual({ max: 1 });
      await coord.close();
      await pusher.coord.config.set('limits', { max: 3 });
      expect(open.current).toEqual({ max: 2 });
    });
  });
}
