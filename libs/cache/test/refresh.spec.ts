import { describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { fleet, Held, other, type Fleet } from './fixtures/fleet.js';

describe('a refresh in the background', () => {
  const STALE = { ttlMs: 1000, staleMs: 60_000, beta: 0 };

  async function stale(): Promise<Fleet> {
    const made = await fleet();
    await made.instances[0].cache.getOrSet('a', async () => 'old', STALE);
    await made.clock.advance(1000);
    return made;
  }

  it('is one in the fleet, and nobody waits for it', async () => {
    const { instances } = await stale();
    const held = new Held();
    for (let round = 0; round < 5; round++)
      for (const { cache } of instances) expect(await cache.getOrSet('a', held.load, STALE)).toBe('old');
    await held.begun();
    held.finish('new');
    await eventually(async () => {
      for (const { cache } of instances) expect(await cache.getOrSet('a', held.load, STALE)).toBe('new');
    });
    expect(held.calls).toBe(1);
  });

  it('asks for its lease once, however many read meanwhile', async () => {
    const { instances } = await stale();
    const [{ cache, faults }] = instances;
    const held = new Held();
    const before = faults.calls.get('run') ?? 0;
    for (let round = 0; round < 5; round++) await cache.getOrSet('a', held.load, STALE);
    await held.begun();
    expect(faults.calls.get('run')).toBe(before + 1);
  });

  it('is not made when another instance has made it since the value was read', async () => {
    const { instances } = await stale();
    const [one, two] = instances;
    const idle = other();
    two.faults.hang(['run']);
    expect(await two.cache.getOrSet('a', idle.load, STALE)).toBe('old');
    await eventually(() => expect(two.faults.calls.get('run')).toBe(1));
    expect(await one.cache.getOrSet('a', async () => 'new', STALE)).toBe('old');
    await eventually(async () => expect(await one.cache.get('a')).toBe('new'));
    await new Promise(setImmediate);
    two.faults.heal();
    await new Promise(setImmediate);
    expect(await two.cache.getOrSet('a', idle.load, STALE)).toBe('new');
    expect(idle.calls).toBe(0);
  });

  it('that fails is tried again after a second, and not before', async () => {
    const { clock, instances } = await stale();
    const [{ cache }] = instances;
    let calls = 0;
    const failing = (): Promise<never> => {
      calls++;
      return Promise.reject(new Error('mishap'));
    };
    for (const [passes, expected] of [
      [0, 1],
      [500, 1],
      [500, 2],
    ] as const) {
      await clock.advance(passes);
      for (let read = 0; read < 3; read++) {
        expect(await cache.getOrSet('a', failing, STALE)).toBe('old');
        await clock.advance(0);
      }
      expect(calls).toBe(expected);
    }
  });

  it('is overtaken by a write of this process, and by the end of the cache', async () => {
    const { instances } = await stale();
    const [{ cache }] = instances;
    const held = new Held();
    expect(await cache.getOrSet('a', held.load, STALE)).toBe('old');
    await held.begun();
    await cache.set('a', 'written');
    held.finish('overtaken');
    await new Promise(setImmediate);
    expect(await cache.get('a')).toBe('written');

    const more = await stale();
    const last = new Held();
    expect(await more.instances[0].cache.getOrSet('a', last.load, STALE)).toBe('old');
    await last.begun();
    await more.instances[0].cache.close();
    expect(last.signal?.aborted).toBe(true);
  });

  it('runs outside the deadline of the call that began it', async () => {
    const { instances } = await stale();
    const held = new Held();
    expect(await instances[0].cache.getOrSet('a', held.load, { ...STALE, timeoutMs: 1000 })).toBe('old');
    await held.begun();
    expect(held.signal?.aborted).toBe(false);
    held.finish('new');
  });
});
