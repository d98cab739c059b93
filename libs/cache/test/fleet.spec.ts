import { describe, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { InfraError } from '@infra-kit/kernel';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { MemoryCacheDriver } from '../src/drivers/memory/memory.driver.js';
import { IO, systemError } from './fixtures/faulty-cache.js';
import { cleanUp, fleet, Held, HOUR, other } from './fixtures/fleet.js';

describe('a load in the fleet', () => {
  it('is waited for by the other instances, who take what it stored', async () => {
    const { clock, instances } = await fleet();
    const [one, two, three] = instances;
    const held = new Held();
    const idle = other();
    const first = one.cache.getOrSet('a', held.load, HOUR);
    await held.begun();
    const waiting = [two, three].map(({ cache }) => cache.getOrSet('a', idle.load, HOUR));
    await clock.advance(30_000); // the lease is renewed: a load may take long
    held.finish({ from: 'one' });
    expect(await first).toEqual({ from: 'one' });
    expect(await eventually(() => Promise.all(waiting))).toEqual([{ from: 'one' }, { from: 'one' }]);
    expect(idle.calls).toBe(0);
  });

  it('that throws fails those of its instance alone; each other instance loads for itself, once', async () => {
    const { clock, instances } = await fleet();
    const [one, two, three] = instances;
    const held = new Held();
    const mishap = new Error('mishap');
    const own = [one.cache.getOrSet('a', held.load, HOUR), one.cache.getOrSet('a', held.load, HOUR)];
    const failed = Promise.allSettled(own);
    await held.begun();
    const second = new Held();
    const third = other();
    const waiting = Promise.allSettled([
      two.cache.getOrSet('a', second.load, HOUR),
      three.cache.getOrSet('a', third.load, HOUR),
    ]);
    await clock.advance(100);
    held.fail(mishap);
    for (const outcome of await failed) expect(outcome).toMatchObject({ status: 'rejected', reason: mishap });
    await eventually(() => expect(second.calls + third.calls).toBe(1));
    second.fail(new Error('mishap of two'));
    const outcomes = await eventually(() => waiting);
    expect(outcomes).toContainEqual({ status: 'fulfilled', value: 'other 1' });
    expect([second.calls <= 1, third.calls]).toEqual([true, 1]);
  });

  it('of an instance that died is taken over when its lease is over, and no sooner', async () => {
    const { clock, instances } = await fleet();
    const [one, two] = instances;
    const held = new Held();
    const lost = one.cache.getOrSet('a', held.load, HOUR).catch(() => 'gone');
    await held.begun();
    one.faults.fail(() => systemError('ECONNRESET'), IO);
    const idle = other();
    const waiting = two.cache.getOrSet('a', idle.load, HOUR);
    await clock.advance(4999);
    expect(idle.calls).toBe(0);
    await clock.advance(1000);
    expect(await waiting).toBe('other 1');
    // the one that was away comes back with what it loaded before, and does not overwrite what is newer
    one.faults.heal();
    held.finish('old');
    expect(await lost).toBe('old');
    expect(await two.cache.get('a')).toBe('other 1');
    expect(await one.cache.get('a')).toBe('other 1');
  });

  it('keeps its lease as long as loadLeaseMs says', async () => {
    const { clock, instances } = await fleet();
    const [one, two] = instances;
    const held = new Held();
    void one.cache.getOrSet('a', held.load, { ...HOUR, loadLeaseMs: 900 }).catch(() => undefined);
    await held.begun();
    one.faults.fail(() => systemError('ECONNRESET'), IO);
    const waiting = two.cache.getOrSet('a', other().load, HOUR);
    await clock.advance(1800);
    expect(await waiting).toBe('other 1');
  });

  it('that nobody waits for any more leaves the key to others at once', async () => {
    const { clock, instances } = await fleet();
    const [one, two] = instances;
    const held = new Held();
    const controller = new AbortController();
    const leaver = one.cache.getOrSet('a', held.load, { ...HOUR, signal: controller.signal });
    await held.begun();
    const waiting = two.cache.getOrSet('a', other().load, HOUR);
    await clock.advance(60);
    controller.abort();
    await expect(leaver).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(held.signal?.aborted).toBe(true);
    expect(await eventually(() => waiting)).toBe('other 1'); // no time passes
  });

  it('lets those who wait for it leave, each by itself', async () => {
    const { clock, instances } = await fleet();
    const [one, two] = instances;
    const held = new Held();
    const first = one.cache.getOrSet('a', held.load, HOUR);
    await held.begun();
    const idle = other();
    await expect(two.cache.getOrSet('a', idle.load, { ...HOUR, timeoutMs: 20 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    held.finish('one');
    expect(await first).toBe('one');
    await clock.advance(10_000);
    expect(idle.calls).toBe(0);
  });

  it('is made from the source when the store goes away while it is waited for', async () => {
    const { clock, instances } = await fleet();
    const [one, two] = instances;
    const held = new Held();
    void one.cache.getOrSet('a', held.load, HOUR);
    await held.begun();
    const idle = other();
    const waiting = two.cache.getOrSet('a', idle.load, HOUR);
    await clock.advance(60);
    two.faults.fail(() => systemError('ECONNREFUSED'), IO);
    await clock.advance(2000);
    expect(await waiting).toBe('other 1');
    held.finish('one');
  });

  it('is not made twice when it was stored between the look and the lease', async () => {
    const { instances } = await fleet();
    const [one, two] = instances;
    const idle = other();
    two.faults.hang(['run']);
    const late = two.cache.getOrSet('a', idle.load, HOUR);
    await eventually(() => expect(two.faults.calls.get('run')).toBe(1));
    expect(await one.cache.getOrSet('a', async () => 'one', HOUR)).toBe('one');
    await new Promise(setImmediate);
    two.faults.heal();
    expect(await late).toBe('one');
    expect(idle.calls).toBe(0);
  });

  it('is made from the source when no lease is to be had', async () => {
    const { instances } = await fleet();
    const [one] = instances;
    one.faults.fail(() => systemError('ECONNRESET'), ['run']);
    expect(await one.cache.getOrSet('a', other().load, HOUR)).toBe('other 1');
    expect(await one.cache.getOrSet('b', other().load, { ...HOUR, tags: ['t'] })).toBe('other 1');
  });

  it('is made from the source when the versions of its tags are not to be had', async () => {
    const clock = new FakeClock();
    const store = new MemoryCacheDriver({ maxEntries: 1000, clock });
    const run = store.run.bind(store);
    const driver = Object.assign(store, {
      run: (...call: Parameters<typeof run>) =>
        call[0].name === 'tag-ensure' ? Promise.reject(systemError('ECONNRESET')) : run(...call),
    });
    const cache = await createCache({ driver }, { env: 'test', clock });
    cleanUp(cache);
    expect(await cache.getOrSet('a', other().load, { ...HOUR, tags: ['t'] })).toBe('other 1');
    expect(await cache.exists('a')).toBe(0);
  });

  it('does not ask the loader twice when the loader itself says UNAVAILABLE', async () => {
    const { instances } = await fleet();
    let calls = 0;
    const away = new InfraError('UNAVAILABLE', 'the source is away');
    const load = (): Promise<never> => {
      calls++;
      return Promise.reject(away);
    };
    await expect(instances[0].cache.getOrSet('a', load, HOUR)).rejects.toBe(away);
    expect(calls).toBe(1);
  });

  it('leaves nothing in the store but its value', async () => {
    const { clock, store, instances } = await fleet();
    const [one] = instances;
    await one.cache.getOrSet('a', async () => 1, { ...HOUR, beta: 0 });
    await expect(one.cache.getOrSet('b', () => Promise.reject(new Error('mishap')), HOUR)).rejects.toThrow();
    await clock.advance(0);
    expect((await store.scanPage('')).keys).toEqual(['a']);
    expect(clock.pending).toBe(0);
  });
});
