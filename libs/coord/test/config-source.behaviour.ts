import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReloadRegistry, SystemClock, type ReloadTarget } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { CapturedLogger, CoordBench, type CoordTarget } from './coord-bench.js';

const within = { withinMs: 15_000 };
const at = { env: 'test', service: 'orders', instance: 'orders-1' };

/** A component that takes numbers. */
function component(name: string): { readonly target: ReloadTarget<number>; readonly applied: number[] } {
  const applied: number[] = [];
  return {
    applied,
    target: {
      component: 'cache',
      instance: name,
      parse: (document) => {
        if (typeof document !== 'number') throw new Error('expected a number');
        return document;
      },
      apply: (value) => void applied.push(value),
    },
  };
}

/** The centre as the source of a reload registry, on any store. */
export function describeConfigSource(target: CoordTarget): void {
  describe(`components that follow the configuration centre on ${target.name}`, () => {
    it('take their documents, each at its own key, and what became of them is written back', async () => {
      await using bench = new CoordBench(target);
      const [{ coord }, pusher] = [await bench.client(), await bench.client()];
      const reload = new ReloadRegistry({ logger: new CapturedLogger(), clock: new SystemClock() });
      const [plain, named] = [component('default'), component('sessions')];
      reload.register(plain.target);
      reload.register(named.target);
      const { config } = pusher.coord;
      await config.set('/config/test/orders/cache', 1);
      using _joined = reload.join(coord.config.source, at);
      await eventually(() => expect(plain.applied).toEqual([1]), within);
      await config.set('/config/test/orders/cache.sessions', 2);
      await eventually(() => expect(named.applied).toEqual([2]), within);

      const bad = await config.set('/config/test/orders/cache', 'bad');
      await eventually(
        async () =>
          expect(await config.get('/config-status/config/test/orders/cache/orders-1')).toMatchObject({
            revision: String(bad),
            status: 'refused',
            errors: ['expected a number'],
          }),
        within,
      );
      await bench.put('/config-data/config/test/orders/cache', '{oops');
      await eventually(() => expect(reload.refused).toBe(2), within);
      const good = await config.set('/config/test/orders/cache', 3);
      await eventually(
        async () =>
          expect(await config.get('/config-status/config/test/orders/cache/orders-1')).toMatchObject({
            revision: String(good),
            status: 'applied',
          }),
        within,
      );
      expect([plain.applied, named.applied]).toEqual([[1, 3], [2]]);
      expect(await coord.config.source.load('/config/test/orders/cache')).toEqual({
        path: '/config/test/orders/cache',
        revision: good,
        value: 3,
      });
    });

    it('start from what was applied last while the store is away', async () => {
      const snapshotDir = await mkdtemp(join(tmpdir(), 'coord-'));
      await using bench = new CoordBench(target);
      const before = await bench.client({ snapshotDir });
      const first = new ReloadRegistry({ logger: new CapturedLogger(), clock: new SystemClock() });
      const earlier = component('default');
      first.register(earlier.target);
      const joined = first.join(before.coord.config.source, at);
      await before.coord.config.set('/config/test/orders/cache', 1);
      await before.coord.config.set('/config/test/orders/cache', 2);
      const bad = await before.coord.config.set('/config/test/orders/cache', 'bad');
      await eventually(
        async () =>
          expect(
            await before.coord.config.get('/config-status/config/test/orders/cache/orders-1'),
          ).toMatchObject({ revision: String(bad), status: 'refused' }),
        within,
      );
      joined[Symbol.dispose]();

      const away = await bench.client({ snapshotDir, away: true });
      const reload = new ReloadRegistry({ logger: new CapturedLogger(), clock: new SystemClock() });
      const later = component('default');
      reload.register(later.target);
      using _joined = reload.join(away.coord.config.source, at);
      await eventually(() => expect(later.applied).toEqual([2]), within);
      away.faults.mend();
      await before.coord.config.set('/config/test/orders/cache', 3);
      await eventually(() => expect(later.applied).toEqual([2, 3]), within);
      await rm(snapshotDir, { recursive: true });
    });
  });
}
