import assert from 'node:assert/strict';
import { eventually } from '@infra-kit/kernel/testing';
import { ANY_TIME, changesIn, type Bench, type SuiteTest } from './suite-target.js';

const GRACE_MS = 10_000;
const STEPS = 10;

const ttlOf = ({ target }: Bench): number => target.leastTtlMs ?? 1000;

/** Lets `ms` pass in steps, doing something at each. */
async function passing(bench: Bench, ms: number, each: () => Promise<unknown>): Promise<void> {
  for (let step = 0; step < STEPS; step++) {
    await (bench.target.passTime?.(ms / STEPS) ?? new Promise((resolve) => setTimeout(resolve, ms / STEPS)));
    await each();
  }
}

async function gone(bench: Bench, name: string): Promise<void> {
  await bench.target.passTime?.(ttlOf(bench) + 1);
  await eventually(async () => assert.equal(await bench.get(name), undefined), { withinMs: GRACE_MS });
}

export const leaseTests: Readonly<Record<string, SuiteTest>> = {
  'a lease grants at least the ttl asked for, and its keys know it': async (bench) => {
    const { id, ttlMs } = await bench.driver.grant(2500, ANY_TIME);
    assert.ok(ttlMs >= 2500 && ttlMs < 10_000, `${ttlMs}`);
    await bench.put('a', '1', id);
    assert.equal((await bench.get('a'))?.lease, id);
    await bench.driver.revoke(id, ANY_TIME);
  },

  'keys go with their lease when it expires, all at one revision': async (bench) => {
    const { id } = await bench.driver.grant(ttlOf(bench), ANY_TIME);
    const since = await bench.put('keep');
    const { signals } = bench.watch({ prefix: bench.root }, since + 1n);
    await bench.put('a', '1', id);
    await bench.put('b', '1', id);
    await gone(bench, 'a');
    await eventually(() => {
      const last = changesIn(bench, signals, since).at(-1);
      assert.ok(last === '3 delete a, delete b' || last === '3 delete b, delete a', last);
    });
    assert.equal((await bench.get('keep'))?.value, 'keep');
  },

  'a lease that is kept alive lives on past its ttl': async (bench) => {
    const { id, ttlMs } = await bench.driver.grant(ttlOf(bench), ANY_TIME);
    await bench.put('a', '1', id);
    await passing(bench, ttlMs * 2, async () => {
      assert.equal(await bench.driver.keepAlive(id, ANY_TIME), ttlMs);
    });
    assert.equal((await bench.get('a'))?.value, '1');
    await bench.driver.revoke(id, ANY_TIME);
  },

  'revoking a lease deletes its keys at once, and it is gone': async (bench) => {
    const { id } = await bench.driver.grant(60_000, ANY_TIME);
    await bench.put('a', '1', id);
    await bench.driver.revoke(id, ANY_TIME);
    assert.equal(await bench.get('a'), undefined);
    await bench.rejects('NOT_FOUND', bench.driver.revoke(id, ANY_TIME));
    await bench.rejects('NOT_FOUND', bench.driver.keepAlive(id, ANY_TIME));
    await bench.rejects('NOT_FOUND', bench.put('a', '1', id));
  },

  'keeping an expired lease alive is NOT_FOUND': async (bench) => {
    const { id } = await bench.driver.grant(ttlOf(bench), ANY_TIME);
    await bench.put('a', '1', id);
    await gone(bench, 'a');
    await bench.rejects('NOT_FOUND', bench.driver.keepAlive(id, ANY_TIME));
  },

  'a key written anew belongs to its new lease alone, or to none': async (bench) => {
    const first = await bench.driver.grant(60_000, ANY_TIME);
    const second = await bench.driver.grant(60_000, ANY_TIME);
    await bench.put('moved', '1', first.id);
    await bench.put('freed', '1', first.id);
    await bench.put('moved', '2', second.id);
    await bench.put('freed', '2');
    await bench.driver.revoke(first.id, ANY_TIME);
    assert.deepEqual(
      [(await bench.get('moved'))?.lease, (await bench.get('freed'))?.lease],
      [second.id, undefined],
    );
    await bench.driver.revoke(second.id, ANY_TIME);
    assert.deepEqual([await bench.get('moved'), (await bench.get('freed'))?.value], [undefined, '2']);
  },
};
