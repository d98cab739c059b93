import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { collect, CoordBench, type CoordTarget } from './coord-bench.js';

const PATIENT = { withinMs: 15_000 };

/** Elections, over any driver. */
export function describeElections(target: CoordTarget): void {
  describe(`elections on ${target.name}`, () => {
    it('elect one, the others wait in order of arrival', async () => {
      await using bench = new CoordBench(target);
      const [one, two] = [await bench.client(), await bench.client()];
      const first = await one.coord.elections.campaign('jobs', { value: 'a' });
      const order: string[] = [];
      const waiting: Promise<void>[] = [];
      for (const value of ['b', 'c', 'd']) {
        waiting.push(
          two.coord.elections.campaign('jobs', { value }).then(async (leadership) => {
            order.push(value);
            await leadership.resign();
          }),
        );
        const present = waiting.length + 1;
        await eventually(async () => expect(await bench.keys('/elections/jobs//')).toHaveLength(present));
      }
      expect(await two.coord.elections.leader('jobs')).toBe('a');
      expect(order).toEqual([]);
      await first.resign();
      await Promise.all(waiting);
      expect(order).toEqual(['b', 'c', 'd']);
      expect(await two.coord.elections.leader('jobs')).toBeUndefined();
    });

    it('give tokens that rise from leader to leader', async () => {
      await using bench = new CoordBench(target);
      const { coord } = await bench.client();
      const tokens: bigint[] = [];
      for (const value of ['a', 'b', 'a']) {
        const leadership = await coord.elections.campaign('jobs', { value });
        tokens.push(leadership.token);
        expect(leadership.name).toBe('jobs');
        expect(leadership.remainingMs()).toBeGreaterThan(0);
        await leadership.resign();
        expect(leadership.remainingMs()).toBeLessThanOrEqual(0);
        expect(leadership.signal.aborted).toBe(false);
      }
      expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
      expect(new Set(tokens).size).toBe(3);
    });

    it('are given up by waitMs, timeoutMs and signal, which leave nothing behind', async () => {
      await using bench = new CoordBench(target);
      const [one, two] = [await bench.client(), await bench.client()];
      const leadership = await one.coord.elections.campaign('jobs', { value: 'a' });
      const campaign = (options: object) => two.coord.elections.campaign('jobs', { value: 'b', ...options });
      await expect(campaign({ waitMs: 50 })).rejects.toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        message: expect.stringContaining('leadership "jobs"'),
      });
      await expect(campaign({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await expect(campaign({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
        code: 'DEADLINE_EXCEEDED',
      });
      const controller = new AbortController();
      const cancelled = campaign({ signal: controller.signal });
      controller.abort();
      await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
      await eventually(async () => expect(await bench.keys('/elections/')).toHaveLength(1), PATIENT);
      await leadership.resign();
    });

    it('tell who observes of the present leader and each new one, and of nobody', async () => {
      await using bench = new CoordBench(target);
      const [one, two, three] = [await bench.client(), await bench.client(), await bench.client()];
      const seen = collect(three.coord.elections.observe('jobs'));
      await eventually(() => expect(seen.items).toEqual([undefined]), PATIENT);
      const first = await one.coord.elections.campaign('jobs', { value: 'a' });
      await eventually(() => expect(seen.items).toEqual([undefined, 'a']), PATIENT);
      const second = two.coord.elections.campaign('jobs', { value: 'b' });
      await eventually(async () => expect(await bench.keys('/elections/')).toHaveLength(2), PATIENT);
      await first.resign();
      await (await second).resign();
      await eventually(() => expect(seen.items).toEqual([undefined, 'a', 'b', undefined]), PATIENT);
      const late = collect(two.coord.elections.observe('jobs'));
      await eventually(() => expect(late.items).toEqual([undefined]), PATIENT);
      await Promise.all([seen.end(), late.end()]);
    });

    it('end an observation by its signal, and when the coord closes', async () => {
      await using bench = new CoordBench(target);
      const { coord } = await bench.client();
      const controller = new AbortController();
      const byHand = collect(coord.elections.observe('jobs', { signal: controller.signal }));
      const byClose = collect(coord.elections.observe('jobs'));
      await eventually(
        () => expect([byHand.items, byClose.items]).toEqual([[undefined], [undefined]]),
        PATIENT,
      );
      controller.abort();
      expect(await byHand.done).toBeUndefined();
      await coord.close();
      expect(await byClose.done).toBeUndefined();
      expect(await collect(coord.elections.observe('jobs')).done).toMatchObject({
        code: 'FAILED_PRECONDITION',
      });
    });

    it('pass to the next when the leader is cut off, which knows before', async () => {
      await using bench = new CoordBench(target);
      const [one, two] = [await bench.client(), await bench.client()];
      const first = await one.coord.elections.campaign('jobs', { value: 'a', ttlMs: 2000 });
      const second = two.coord.elections.campaign('jobs', { value: 'b' });
      let passed = false;
      let knewBefore: boolean | undefined;
      first.signal.addEventListener('abort', () => (knewBefore = !passed));
      one.faults.cut();
      const next = await second;
      passed = true;
      expect(knewBefore).toBe(true);
      expect(first.signal.reason).toMatchObject({ code: 'FAILED_PRECONDITION', name: 'LockLostError' });
      expect(next.token).toBeGreaterThan(first.token);
      one.faults.mend();
      await first.resign();
      expect(await one.coord.elections.leader('jobs')).toBe('b');
      await next.resign();
    });

    it('are over when the coord closes: it resigns, and who waits is refused', async () => {
      await using bench = new CoordBench(target);
      const [one, two] = [await bench.client(), await bench.client()];
      await one.coord.elections.campaign('jobs', { value: 'a' });
      const refused = expect(two.coord.elections.campaign('jobs', { value: 'b' })).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
      });
      await eventually(async () => expect(await bench.keys('/elections/')).toHaveLength(2), PATIENT);
      await two.coord.close();
      await refused;
      await one.coord.close();
      expect(await bench.keys('/elections/')).toEqual([]);
    });

    it.each([
      ['', { value: 'a' }],
      ['a//b', { value: 'a' }],
      ['jobs/', { value: 'a' }],
      ['jobs', { value: 1 }],
      ['jobs', {}],
      ['jobs', { value: 'a', ttlMs: 999 }],
      ['jobs', { value: 'a', waitMs: -1 }],
    ])('refuse %j with %j', async (name, options) => {
      await using bench = new CoordBench(target);
      const { coord } = await bench.client();
      await expect(coord.elections.campaign(name, options as { value: string })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    });
  });
}
