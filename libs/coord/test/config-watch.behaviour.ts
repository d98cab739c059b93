import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import type { ConfigEvent, WatchSignal } from '@infra-kit/coord';
import { collect, CoordBench, type CoordTarget } from './coord-bench.js';

/** `put /a=1`, with ` …` where more follows at once. */
const shown = ({ type, key, value, more }: ConfigEvent): string =>
  `${type} ${key}${type === 'put' ? `=${JSON.stringify(value)}` : ''}${more ? ' …' : ''}`;

const within = { withinMs: 15_000 };

/** Watches, on any store. */
export function describeWatches(target: CoordTarget): void {
  describe(`a watch on ${target.name}`, () => {
    it('tells the present state in the order of its revisions, then each change, once', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      await config.set('p/b', 1);
      await config.set('p/a', 2);
      await config.set('other', 3);
      const watch = collect(config.watchPrefix('/p/'));
      await eventually(() => expect(watch.items.map(shown)).toEqual(['put /p/b=1 …', 'put /p/a=2']), within);
      await config.set('p/b', 4);
      await config.set('other', 5);
      await config.delete('p/a');
      await config.set('p/a', 6);
      await eventually(
        () =>
          expect(watch.items.map(shown)).toEqual([
            'put /p/b=1 …',
            'put /p/a=2',
            'put /p/b=4',
            'delete /p/a',
            'put /p/a=6',
          ]),
        within,
      );
      const revisions = watch.items.map(({ revision }) => revision);
      expect(revisions).toEqual(revisions.toSorted((a, b) => Number(a - b)));
      await watch.end();
    });

    it('of one key tells of no other', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      const watch = collect(config.watch<number>('a'));
      await config.set('ab', 1);
      await config.set('a/b', 1);
      await config.set('a', 2);
      await eventually(() => expect(watch.items.map(shown)).toEqual(['put /a=2']), within);
      await watch.end();
    });

    it('says by `more` what changed together', async () => {
      await using bench = new CoordBench(target);
      const { coord } = await bench.client();
      const driver = await bench.driver();
      const watch = collect(coord.config.watchPrefix('t/'));
      await coord.config.set('t/0', 0);
      await eventually(() => expect(watch.items).toHaveLength(1), within);
      const key = (name: string): string => `${bench.prefix}/config-data/t/${name}`;
      await driver.txn(
        {
          success: [
            { kind: 'put', key: key('1'), value: '1' },
            { kind: 'delete', key: key('0') },
            { kind: 'put', key: key('2'), value: '2' },
          ],
        },
        { signal: new AbortController().signal },
      );
      await eventually(
        () =>
          expect(watch.items.slice(1).map(shown)).toEqual(['put /t/1=1 …', 'delete /t/0 …', 'put /t/2=2']),
        within,
      );
      expect(new Set(watch.items.slice(1).map(({ revision }) => revision)).size).toBe(1);
      await watch.end();
    });

    it('begins with the first next(), not before', async () => {
      await using bench = new CoordBench(target);
      const { coord, faults } = await bench.client();
      const watch = coord.config.watch('a');
      await coord.config.set('a', 1);
      expect(faults.calls.get('range') ?? 0).toBe(0);
      expect(faults.calls.get('watch') ?? 0).toBe(0);
      expect((await watch.next()).value).toMatchObject({ value: 1 });
      await watch.return?.();
    });

    it('ends with its signal, with return() while it waits, and with the coord', async () => {
      await using bench = new CoordBench(target);
      const { coord } = await bench.client();
      const stop = new AbortController();
      const bySignal = collect(coord.config.watch('a', { signal: stop.signal }));
      const byClose = collect(coord.config.watch('a'));
      const byReturn = coord.config.watch('a');
      const waiting = byReturn.next();
      await byReturn.return?.();
      expect(await waiting).toEqual({ done: true, value: undefined });
      stop.abort();
      expect(await bySignal.done).toBeUndefined();
      await coord.close();
      expect(await byClose.done).toBeUndefined();
    });

    it('leaves out what is not JSON, with a warning', async () => {
      await using bench = new CoordBench(target);
      const { coord, logger } = await bench.client();
      const watch = collect(coord.config.watchPrefix('/a'));
      await bench.put('/config-data/a', '{oops');
      await coord.config.set('a', 1);
      await eventually(() => expect(watch.items.map(shown)).toEqual(['put /a=1']), within);
      expect(logger.lines.map(({ message }) => message)).toContain(
        'left out of a watch: a document that is not JSON',
      );
      await watch.end();
    });

    it('from a revision tells every change since, in place of the present state', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      await config.set('a', 1);
      const fromRevision = await config.set('a', 2);
      await config.set('a', 3);
      await config.delete('a');
      const watch = collect(config.watch('a', { fromRevision }));
      await eventually(
        () => expect(watch.items.map(shown)).toEqual(['put /a=2', 'put /a=3', 'delete /a']),
        within,
      );
      expect(watch.items[0]?.revision).toBe(fromRevision);
      await watch.end();
    });

    it('from a compacted revision is FAILED_PRECONDITION', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      const fromRevision = await config.set('a', 1);
      await config.set('a', 2);
      await bench.compact();
      await expect(config.watch('a', { fromRevision }).next()).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining(String(fromRevision)),
      });
    });

    it('goes on after an interruption with nothing left out and nothing twice', async () => {
      await using bench = new CoordBench(target);
      const [watcher, writer] = [await bench.client(), await bench.client()];
      const watch = collect(watcher.coord.config.watch('a'));
      const told: string[] = [];
      for (let n = 0; n < 30; n++) {
        if (n % 10 === 3) watcher.faults.cut();
        await writer.coord.config.set('a', n);
        told.push(`put /a=${n}`);
        if (n % 10 === 8) watcher.faults.mend();
        if (n === 0) await eventually(() => expect(watch.items).toHaveLength(1), within);
      }
      await eventually(() => expect(watch.items.map(shown)).toEqual(told), within);
      await watch.end();
    });

    it('disconnected while the store compacts tells the difference, deletions included', async () => {
      await using bench = new CoordBench(target);
      const [watcher, writer] = [await bench.client(), await bench.client()];
      for (const key of ['p/stays', 'p/changes', 'p/goes']) await writer.coord.config.set(key, 0);
      const watch = collect(watcher.coord.config.watchPrefix('p/'));
      await eventually(() => expect(watch.items).toHaveLength(3), within);
      // the control: a watch that only goes on after what it heard last
      const bare: WatchSignal[] = [];
      watcher.faults.driver.watch(
        { prefix: `${bench.prefix}/config-data/p/` },
        (watch.items.at(-1)?.revision ?? 0n) + 1n,
        (signal) => bare.push(signal),
      );
      await eventually(() => expect(bare.map(({ type }) => type)).toContain('attached'), within);

      watcher.faults.cut();
      await writer.coord.config.set('p/changes', 1);
      await writer.coord.config.set('p/comes', 2);
      await writer.coord.config.delete('p/goes');
      const changed = await writer.coord.config.set('p/changes', 3);
      await bench.compact();
      watcher.faults.mend();
      await eventually(
        () =>
          expect(watch.items.slice(3).map(shown)).toEqual([
            'put /p/comes=2 …',
            'put /p/changes=3 …',
            'delete /p/goes',
          ]),
        within,
      );
      expect(watch.items.at(-1)?.revision).toBeGreaterThan(changed);
      await writer.coord.config.set('p/changes', 4);
      await eventually(() => expect(watch.items.map(shown).at(-1)).toBe('put /p/changes=4'), within);
      expect(bare.filter(({ type }) => type === 'changes')).toEqual([]);
      await watch.end();
    });

    it('of one key that 10,000 quick updates hit ends in the last value, each told once', async () => {
      await using bench = new CoordBench(target);
      const { coord } = await bench.client();
      const driver = await bench.driver();
      const watch = collect(coord.config.watch<number>('a'));
      await coord.config.set('a', -1);
      await eventually(() => expect(watch.items).toHaveLength(1), within);
      const key = `${bench.prefix}/config-data/a`;
      for (let n = 0; n < 10_000; n += 200)
        await Promise.all(
          Array.from({ length: 200 }, (_, at) =>
            driver.txn(
              { success: [{ kind: 'put', key, value: `${n + at}` }] },
              { signal: new AbortController().signal },
            ),
          ),
        );
      const last = await coord.config.getWithRevision<number>('a');
      await eventually(() => expect(watch.items).toHaveLength(10_001), within);
      expect(watch.items.at(-1)).toMatchObject({ value: last?.value, revision: last?.revision });
      const revisions = watch.items.map(({ revision }) => revision);
      expect(revisions.every((revision, at) => at === 0 || revision > (revisions[at - 1] ?? 0n))).toBe(true);
      await watch.end();
    }, 60_000);

    it('with a slow reader holds no queue without bound, and still leaves nothing out', async () => {
      await using bench = new CoordBench(target);
      const { coord, faults } = await bench.client();
      const driver = await bench.driver();
      const key = `${bench.prefix}/config-data/a`;
      const watch = coord.config.watch<number>('a');
      await coord.config.set('a', -1);
      await watch.next();
      const waiting = watch.next();
      for (let n = 0; n < 3000; n++)
        await driver.txn(
          { success: [{ kind: 'put', key, value: `${n}` }] },
          { signal: new AbortController().signal },
        );
      const values = [(await waiting).value.value];
      while (values.length < 3000) values.push((await watch.next()).value.value);
      expect(values).toEqual(Array.from({ length: 3000 }, (_, n) => n));
      expect(faults.calls.get('watch')).toBeGreaterThan(1);
      await watch.return?.();
    }, 60_000);
  });
}
