import { describe, expect, it } from '@jest/globals';
import { CoordBench, type CoordTarget } from './coord-bench.js';

/** Documents, their history and who may write them, on any store. */
export function describeDocuments(target: CoordTarget): void {
  describe(`documents on ${target.name}`, () => {
    it('are read as they were written, with or without the leading slash', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      const revision = await config.set('a/b', { on: true, list: [1, null, 'ü'] });
      expect(await config.get('/a/b')).toEqual({ on: true, list: [1, null, 'ü'] });
      expect(await config.getWithRevision('a/b')).toEqual({
        value: { on: true, list: [1, null, 'ü'] },
        revision,
      });
      expect(await config.get('/a')).toBeUndefined();
      await config.set('/nothing', null);
      expect(await config.getWithRevision('/nothing')).toMatchObject({ value: null });
      expect(await bench.keys('/config-data')).toEqual(['/config-data/a/b', '/config-data/nothing']);
    });

    it('are bare JSON in the store: what another tool writes is read', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      const revision = await bench.put('/config-data/a', '{"by":"etcdctl"}');
      expect(await config.getWithRevision('a')).toEqual({ value: { by: 'etcdctl' }, revision });
    });

    it('that are not JSON are DATA_LOSS, and left out of a list with a warning', async () => {
      await using bench = new CoordBench(target);
      const { coord, logger } = await bench.client();
      await bench.put('/config-data/a/bad', '{oops');
      await coord.config.set('a/good', 1);
      await expect(coord.config.get('a/bad')).rejects.toMatchObject({
        code: 'DATA_LOSS',
        message: expect.stringContaining('/a/bad'),
      });
      expect((await coord.config.list('/a')).map(({ key }) => key)).toEqual(['/a/good']);
      expect(logger.lines).toContainEqual(
        expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ key: '/a/bad' }) }),
      );
    });

    it('are listed by the beginning of their key, taken literally', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      for (const key of ['a/b', 'ab', 'a', 'b/a']) await config.set(key, key);
      const keys = async (prefix: string): Promise<string[]> =>
        (await config.list(prefix)).map(({ key }) => key);
      expect(await keys('/a')).toEqual(['/a', '/a/b', '/ab']);
      expect(await keys('a/')).toEqual(['/a/b']);
      expect(await keys('')).toEqual(['/a', '/a/b', '/ab', '/b/a']);
      expect(await keys('/c')).toEqual([]);
    });

    it('are deleted, and say whether they were there', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      const written = await config.set('a', 1);
      const gone = await config.delete('a');
      expect(gone.deleted).toBe(true);
      expect(gone.revision).toBeGreaterThan(written);
      expect(await config.get('a')).toBeUndefined();
      expect((await config.delete('a')).deleted).toBe(false);
    });

    it('are written by compareAndSet only at the revision expected', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      const first = await config.compareAndSet('a', 0n, 1);
      expect(first.ok).toBe(true);
      expect(await config.compareAndSet('a', 0n, 2)).toEqual({ ok: false, revision: first.revision });
      const second = await config.compareAndSet('a', first.revision, 2);
      expect(second.ok).toBe(true);
      expect(await config.compareAndSet('a', first.revision, 3)).toEqual({
        ok: false,
        revision: second.revision,
      });
      expect(await config.get('a')).toBe(2);
      await config.delete('a');
      expect(await config.compareAndSet('a', second.revision, 4)).toEqual({ ok: false, revision: 0n });
    });

    it('of two writers that compare, each write counts', async () => {
      await using bench = new CoordBench(target);
      const clients = await Promise.all([bench.client(), bench.client(), bench.client()]);
      await clients[0].coord.config.set('n', 0);
      const add = async (config: (typeof clients)[0]['coord']['config']): Promise<void> => {
        for (;;) {
          const at = await config.getWithRevision<number>('n');
          if ((await config.compareAndSet('n', at?.revision ?? 0n, (at?.value ?? 0) + 1)).ok) return;
        }
      };
      await Promise.all(clients.flatMap(({ coord }) => Array.from({ length: 10 }, () => add(coord.config))));
      expect(await clients[1].coord.config.get('n')).toBe(30);
    });

    it('have a history of 20, the newest first, with who wrote them and at which revision', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      expect(await config.history('a')).toEqual([]);
      const revisions: bigint[] = [];
      for (let n = 0; n < 25; n++) revisions.push(await config.set('a', { n }, { by: `hand-${n}` }));
      const history = await config.history('a');
      expect(history.map(({ revision }) => revision)).toEqual(revisions.slice(5).toReversed());
      expect(history[0]).toEqual({
        revision: revisions[24],
        value: { n: 24 },
        by: 'hand-24',
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      });
      expect(history.at(-1)?.value).toEqual({ n: 5 });
      expect((await config.history('a', { limit: 2 })).map(({ value }) => value)).toEqual([
        { n: 24 },
        { n: 23 },
      ]);
      expect(await bench.keys('/config-history')).toHaveLength(20);
    });

    it('have a history each: that of a key below is not mixed in', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      await config.set('a', 'above');
      await config.set('a/b', 'below');
      await config.set('a/3', 'below');
      expect((await config.history('a')).map(({ value }) => value)).toEqual(['above']);
    });

    it('lose no history entry to writers at once, in one process and in several', async () => {
      await using bench = new CoordBench(target);
      const clients = await Promise.all([bench.client(), bench.client(), bench.client()]);
      const revisions = await Promise.all(
        clients.flatMap(({ coord }, client) =>
          Array.from({ length: 6 }, (_, n) => coord.config.set('a', `${client}.${n}`)),
        ),
      );
      const history = await clients[0].coord.config.history('a');
      expect(history).toHaveLength(18);
      expect(history.map(({ revision }) => revision)).toEqual(revisions.toSorted((a, b) => Number(b - a)));
    });

    it('are written again after a write whose answer was lost', async () => {
      await using bench = new CoordBench(target);
      const { coord, faults } = await bench.client();
      await coord.config.set('a', 1);
      faults.loseAnswers();
      await expect(coord.config.set('a', 2)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      faults.mend();
      await coord.config.set('a', 3);
      expect((await coord.config.history('a')).map(({ value }) => value)).toEqual([3, 2, 1]);
    });

    it('come back by restore, also after a delete; what history does not hold is NOT_FOUND', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      const good = await config.set('a', { good: true });
      await config.set('a', { good: false });
      const restored = await config.restore('a', good, { by: 'me' });
      expect(await config.getWithRevision('a')).toEqual({ value: { good: true }, revision: restored });
      expect((await config.history('a'))[0]).toMatchObject({ revision: restored, by: 'me' });
      await config.delete('a');
      await config.restore('a', good);
      expect(await config.get('a')).toEqual({ good: true });
      await expect(config.restore('a', 1n)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('refuse bad input, naming it, and nothing has happened', async () => {
      await using bench = new CoordBench(target);
      const { config } = (await bench.client()).coord;
      const endless: Record<string, unknown> = {};
      endless['self'] = { endless };
      const values: unknown[] = [
        undefined,
        () => 1,
        Symbol('x'),
        1n,
        Number.NaN,
        { a: [Infinity] },
        [undefined],
        { a: { b: () => 1 } },
        new Map(),
        new Set([1]),
        endless,
      ];
      for (const value of values)
        await expect(config.set('a', value)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      for (const key of ['', '/', 'a//b', 'a/', '//', 7 as unknown as string]) {
        await expect(config.set(key, 1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
        await expect(config.get(key)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
        await expect(config.watch(key).next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
      await expect(config.list('a//')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(config.compareAndSet('a', -1n, 1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(config.compareAndSet('a', 0 as unknown as bigint, 1)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
      // etcd counts in 64 bits, in which this would be 0
      await expect(config.compareAndSet('a', 2n ** 64n, 1)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
      await expect(config.watch('a', { fromRevision: 0n }).next()).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
      await expect(config.history('a', { limit: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await bench.keys('')).toEqual([]);
    });

    it('are UNAVAILABLE while the store is away, and FAILED_PRECONDITION after close', async () => {
      await using bench = new CoordBench(target);
      const { coord, faults } = await bench.client();
      faults.cut();
      await expect(coord.config.get('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(coord.config.set('a', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      faults.mend();
      await coord.close();
      const { config } = coord;
      for (const call of [
        () => config.get('a'),
        () => config.set('a', 1),
        () => config.list(''),
        () => config.history('a'),
        () => config.delete('a'),
        () => config.watch('a').next(),
        () => config.bind('a', { parse: Number, fallback: 1 }),
      ])
        await expect(call()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    });
  });
}
