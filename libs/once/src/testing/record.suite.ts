import assert from 'node:assert/strict';
import { Effect, isCode, type SuiteTest } from './suite-target.js';

/** What is known of keys, how they are forgotten, and how fences rise. */
export const recordTests: Readonly<Record<string, SuiteTest>> = {
  'tells what is known of a key': async ({ once, another, key, concurrent }) => {
    const [effect, id] = [new Effect(), key()];
    const elsewhere = await another();
    assert.equal(await once.get(id), undefined);
    if (!concurrent) effect.finish();
    const running = once.execute(id, effect.held, { leaseMs: 60_000, fingerprint: 1 });
    await effect.begun;
    if (concurrent) {
      const seen = await elsewhere.get(id);
      assert.equal(seen?.status, 'running');
      assert.ok(seen.expiresAt > seen.startedAt && seen.doneAt === undefined);
    }
    effect.finish();
    await running;
    const done = await elsewhere.get(id);
    assert.ok(done?.status === 'done' && done.doneAt !== undefined && done.fence > 0n);
    assert.ok(done.doneAt >= done.startedAt && done.expiresAt > done.doneAt);
    assert.deepEqual([done.value, typeof done.fingerprint], [1, 'string']);
  },

  'keeps a result for its ttl, counted from the end': async ({ once, key, passTime }) => {
    const [effect, id] = [new Effect(), key()];
    await once.execute(id, effect.atOnce, { ttlMs: 400 });
    assert.equal((await once.execute(id, effect.atOnce)).replayed, true);
    await passTime(500);
    assert.equal(await once.get(id), undefined);
    assert.deepEqual(await once.execute(id, effect.atOnce), { value: 2, replayed: false });
  },

  'gives fences that rise, over failures, expiry and clearing': async ({ once, key, passTime }) => {
    const id = key();
    const fences: bigint[] = [];
    const run = (fail = false): Promise<unknown> =>
      once
        .execute(
          id,
          async ({ fence, key: told }) => {
            assert.equal(told, id);
            fences.push(fence);
            if (fail) throw new Error('fails');
          },
          { ttlMs: 300 },
        )
        .catch(() => undefined);
    await run(true);
    await run();
    await once.clear(id);
    await run();
    await passTime(400);
    await run();
    assert.equal(fences.length, 4);
    assert.deepEqual(
      fences.toSorted((a, b) => Number(a - b)),
      fences,
    );
    assert.equal(new Set(fences).size, 4);
  },

  'forgets a key, so that it runs again': async ({ once, key }) => {
    const [effect, id] = [new Effect(), key()];
    assert.equal(await once.clear(id), false);
    await once.execute(id, effect.atOnce);
    assert.equal(await once.clear(id, { scope: 'another' }), false);
    assert.deepEqual([await once.clear(id), await once.clear(id)], [true, false]);
    assert.equal(await once.get(id), undefined);
    assert.deepEqual(await once.execute(id, effect.atOnce), { value: 2, replayed: false });
  },

  'forgets the keys of a scope by their beginning, and no others': async ({ once, key }) => {
    const mine = `{${key()}}%`;
    const scope = `tenant ${key()}`;
    const names = [`${mine}a:1`, `${mine}a:2`, `${mine}b`, `${mine}_`];
    for (const name of names) await once.do(name, async () => 1, { scope });
    await once.do(`${mine}a:1`, async () => 1);
    assert.equal(await once.clearByPrefix(`${mine}a:`, { scope }), 2);
    assert.equal(await once.clearByPrefix(`${mine}%`, { scope }), 0);
    assert.equal(await once.get(names[0] ?? '', { scope }), undefined);
    assert.equal((await once.get(names[2] ?? '', { scope }))?.status, 'done');
    assert.equal((await once.get(names[0] ?? ''))?.status, 'done');
    assert.equal(await once.clearByPrefix('', { scope }), 2);
  },

  'refuses everything at once after it is closed': async ({ once, key }) => {
    await once.close();
    await once.close();
    for (const call of [
      () => once.execute(key(), async () => 1),
      () => once.do(key(), async () => 1),
      () => once.get(key()),
      () => once.clear(key()),
      () => once.clearByPrefix(''),
    ])
      await assert.rejects(call(), isCode('FAILED_PRECONDITION'));
    assert.equal((await once.health()).status, 'down');
  },

  'reports its health': async ({ once, store }) => {
    const { status, detail } = await once.health();
    assert.equal(status, 'up');
    assert.equal(detail['store'], store);
  },
};
