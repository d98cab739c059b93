import { afterEach, describe, expect, it } from '@jest/globals';
import { createCache, type CacheDriver, type CacheLoad, type CacheProvider } from '@infra-kit/cache';
import { InfraError } from '@infra-kit/kernel';
import { eventually, FakeClock, faulty, type Faulty } from '@infra-kit/kernel/testing';
import { MemoryCacheDriver } from '../src/drivers/memory/memory.driver.js';
import { IO, systemError } from './fixtures/faulty-cache.js';

const HOUR = { ttlMs: 3_600_000 };

interface Instance {
  readonly cache: CacheProvider;
  readonly faults: Faulty<CacheDriver>;
}
interface Fleet {
  readonly clock: FakeClock;
  readonly store: MemoryCacheDriver;
  readonly instances: readonly [Instance, Instance, Instance];
}

const open: CacheProvider[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((cache) => cache.close()));
});

/** Three instances of a service on one store, on the clock of the test. */
async function fleet(): Promise<Fleet> {
  const clock = new FakeClock();
  const store = new MemoryCacheDriver({ maxEntries: 1000, clock });
  const instance = async (): Promise<Instance> => {
    const faults = faulty<CacheDriver>(store);
    const cache = await createCache({ driver: faults.driver }, { env: 'test', clock });
    open.push(cache);
    return { cache, faults };
  };
  return { clock, store, instances: [await instance(), await instance(), await instance()] };
}

/** A loader under way until told otherwise, which counts. */
class Held {
  calls = 0;
  signal: AbortSignal | undefined;
  readonly #outcome = Promise.withResolvers<unknown>();

  readonly load = ({ signal }: CacheLoad): Promise<unknown> => {
    this.calls++;
    this.signal = signal;
    return this.#outcome.promise;
  };
  readonly begun = (): Promise<void> => eventually(() => expect(this.calls).toBe(1));
  readonly finish = (value: unknown): void => this.#outcome.resolve(value);
  readonly fail = (error: Error): void => this.#outcome.reject(error);
}

const other = (): { load: () => Promise<string>; readonly calls: number } => {
  let calls = 0;
  return {
    load: async () => `other ${++calls}`,
    get calls() {
      return calls;
    },
  };
};

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
    open.push(cache);
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
