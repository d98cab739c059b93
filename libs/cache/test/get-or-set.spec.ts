import { describe, expect, it } from '@jest/globals';
import { createCache, type CacheLoad } from '@infra-kit/cache';
import { InfraContext } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { faultyCache, systemError } from './fixtures/faulty-cache.js';

const HOUR = { ttlMs: 3_600_000 };

interface HeldLoad {
  readonly loader: (load: CacheLoad) => Promise<unknown>;
  readonly finish: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  readonly signals: readonly AbortSignal[];
}

/** A loader that is under way until told otherwise. */
function held(): HeldLoad {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const signals: AbortSignal[] = [];
  return {
    loader: ({ signal }) => {
      signals.push(signal);
      return promise;
    },
    finish: resolve,
    fail: reject,
    signals,
  };
}

const begun = (load: HeldLoad): Promise<void> => eventually(() => expect(load.signals).toHaveLength(1));

describe('getOrSet', () => {
  it('shares one load among the callers of a key, namespaces and cache alike, and not among keys', async () => {
    const { cache } = await faultyCache();
    const load = held();
    const view = cache.namespace('v:');
    const both = [view.getOrSet('a', load.loader, HOUR), cache.getOrSet('v:a', load.loader, HOUR)];
    const other = cache.getOrSet('b', async () => 'other', HOUR);
    await begun(load);
    load.finish('one');
    expect(await Promise.all(both)).toEqual(['one', 'one']);
    expect(await other).toBe('other');
    expect(load.signals).toHaveLength(1);
  });

  it('gives each caller of a stored value a copy of its own', async () => {
    const { cache } = await faultyCache();
    await cache.set('a', { list: [1] });
    const never = (): Promise<never> => Promise.reject(new Error('not loaded'));
    const [one, two] = await Promise.all([
      cache.getOrSet<{ list: number[] }>('a', never, HOUR),
      cache.getOrSet<{ list: number[] }>('a', never, HOUR),
    ]);
    one.list.push(2);
    expect(two).toEqual({ list: [1] });
  });

  it('fails all who wait with the very error of the loader, once', async () => {
    const { cache } = await faultyCache();
    const load = held();
    const waiting = [1, 2, 3].map(() => cache.getOrSet('a', load.loader, HOUR));
    await begun(load);
    const mishap = new TypeError('mishap');
    load.fail(mishap);
    for (const outcome of await Promise.allSettled(waiting))
      expect(outcome).toEqual({ status: 'rejected', reason: mishap });
    expect(await cache.getOrSet('a', async () => 'fine', HOUR)).toBe('fine');
  });

  it('takes a loader that throws at once as one that rejects', async () => {
    const { cache } = await faultyCache();
    const mishap = new Error('at once');
    const loader = (): Promise<never> => {
      throw mishap;
    };
    await expect(cache.getOrSet('a', loader, HOUR)).rejects.toBe(mishap);
  });

  it('remembers a failure for negativeTtlMs, until then or until the key is written', async () => {
    const { cache, clock } = await faultyCache();
    const mishap = new Error('mishap');
    let loads = 0;
    const failing = (): Promise<never> => {
      loads++;
      return Promise.reject(mishap);
    };
    const options = { ...HOUR, negativeTtlMs: 1000 };
    await expect(cache.getOrSet('a', failing, options)).rejects.toBe(mishap);
    await expect(cache.getOrSet('a', async () => 'unasked', HOUR)).rejects.toBe(mishap);
    await clock.advance(999);
    await expect(cache.getOrSet('a', failing, options)).rejects.toBe(mishap);
    expect(loads).toBe(1);
    await clock.advance(1);
    await expect(cache.getOrSet('a', failing, options)).rejects.toBe(mishap);
    expect(loads).toBe(2);
    await cache.delete('a');
    expect(await cache.getOrSet('a', async () => 'asked', HOUR)).toBe('asked');
    await expect(cache.getOrSet('p:b', failing, options)).rejects.toBe(mishap);
    await cache.deleteByPrefix('p:');
    expect(await cache.getOrSet('p:b', async () => 'asked', HOUR)).toBe('asked');
  });

  it('lets a caller give up alone, and the others have the value', async () => {
    const { cache } = await faultyCache();
    const load = held();
    const controller = new AbortController();
    const leaver = cache.getOrSet('a', load.loader, { ...HOUR, signal: controller.signal });
    const hasty = expect(cache.getOrSet('a', load.loader, { ...HOUR, timeoutMs: 10 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    const patient = cache.getOrSet('a', load.loader, HOUR);
    await begun(load);
    controller.abort();
    await expect(leaver).rejects.toMatchObject({ code: 'CANCELLED' });
    await hasty;
    expect(load.signals[0]?.aborted).toBe(false);
    load.finish('late');
    expect(await patient).toBe('late');
    expect(await cache.get('a')).toBe('late');
  });

  it('cancels the load when all have given up, and the next caller gets a load of its own', async () => {
    const { cache } = await faultyCache();
    const load = held();
    const controller = new AbortController();
    const options = { ...HOUR, signal: controller.signal };
    const leavers = [cache.getOrSet('a', load.loader, options), cache.getOrSet('a', load.loader, options)];
    await begun(load);
    controller.abort();
    for (const { status } of await Promise.allSettled(leavers)) expect(status).toBe('rejected');
    expect(load.signals[0]?.aborted).toBe(true);
    expect(await cache.getOrSet('a', async () => 'mine', HOUR)).toBe('mine');
    load.finish('too late');
    await eventually(async () => expect(await cache.get('a')).toBe('mine'));
  });

  it('runs the loader outside the deadline and signal of whoever came first, on its trace', async () => {
    const { cache } = await faultyCache();
    const seen = await InfraContext.run({ timeoutMs: 60_000, attributes: { tenant: 't' } }, async () => ({
      own: InfraContext.traceId(),
      load: await cache.getOrSet(
        'a',
        async ({ signal }) => ({
          traceId: InfraContext.traceId() ?? '',
          tenant: InfraContext.current()?.attributes['tenant'] ?? '',
          bounded: InfraContext.remainingMs() !== Infinity,
          signalled: InfraContext.current()?.signal === signal,
        }),
        HOUR,
      ),
    }));
    expect(seen.load).toEqual({ traceId: seen.own, tenant: 't', bounded: false, signalled: true });
  });

  it('keeps to the caller own limit while the loader hangs, and to none beside it', async () => {
    const { cache } = await faultyCache({ commandTimeoutMs: 10 });
    const slow = cache.getOrSet(
      'b',
      () => new Promise((resolve) => setTimeout(() => resolve('slow'), 60)),
      HOUR,
    );
    await expect(cache.getOrSet('a', held().loader, { ...HOUR, timeoutMs: 10 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(await slow).toBe('slow');
  });

  it.each(['set', 'delete', 'increment', 'deleteByPrefix', 'setMany'] as const)(
    'does not let a load that was overtaken by %s of this process be stored or joined',
    async (how) => {
      const { cache } = await faultyCache();
      const load = held();
      const early = cache.getOrSet('a', load.loader, HOUR);
      await begun(load);
      await {
        set: () => cache.set('a', 7),
        delete: () => cache.delete('a'),
        increment: () => cache.increment('a', 7),
        deleteByPrefix: () => cache.deleteByPrefix('a'),
        setMany: () => cache.setMany([['a', 7]]),
      }[how]();
      const gone = how === 'delete' || how === 'deleteByPrefix';
      expect(await cache.getOrSet('a', async () => 'anew', HOUR)).toBe(gone ? 'anew' : 7);
      load.finish('stale');
      expect(await early).toBe('stale');
      expect(await cache.get('a')).toBe(gone ? 'anew' : 7);
    },
  );

  it('refuses a loader that gives undefined, and stores nothing', async () => {
    const { cache } = await faultyCache();
    await expect(cache.getOrSet('a', async () => undefined, HOUR)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('null'),
    });
    expect(await cache.exists('a')).toBe(0);
  });

  it('does not hide an entry of another kind, or any error that is no absence', async () => {
    const { cache, faults } = await faultyCache();
    faults.fail(() => new Error('odd'), ['get']);
    await expect(cache.getOrSet('a', async () => 1, HOUR)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('fails its waiters when the cache closes', async () => {
    const { cache } = await faultyCache();
    const load = held();
    const waiting = cache.getOrSet('a', load.loader, HOUR);
    await begun(load);
    await cache.close();
    await expect(waiting).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(load.signals[0]?.aborted).toBe(true);
  });

  it('is the same over the embedded store', async () => {
    const cache = await createCache({ driver: 'memory' }, { env: 'test' });
    let loads = 0;
    const values = await Promise.all(
      Array.from({ length: 1000 }, () => cache.getOrSet('a', async () => ++loads, HOUR)),
    );
    expect(new Set(values)).toEqual(new Set([1]));
  });
});

describe('getOrSet with the server away', () => {
  it('loads from the source, whether the server refuses or hangs, and stores nothing', async () => {
    const { cache, faults } = await faultyCache({ commandTimeoutMs: 20 });
    faults.fail(() => systemError('ECONNREFUSED'));
    expect(await cache.getOrSet('a', async () => 'source', HOUR)).toBe('source');
    faults.hang();
    expect(await cache.getOrSet('b', async () => 'source', HOUR)).toBe('source');
  });

  it('does not ask a server that is known to be away', async () => {
    const { cache, faults, turn } = await faultyCache();
    turn('down', new Error('gone'));
    expect(await cache.getOrSet('a', async () => 'source', HOUR)).toBe('source');
    expect(faults.calls.get('get')).toBeUndefined();
    turn('up');
    expect(await cache.getOrSet('a', async () => 'anew', HOUR)).toBe('anew');
    expect(await cache.get('a')).toBe('anew');
  });

  it('gives what was loaded although it cannot be stored', async () => {
    const { cache, faults } = await faultyCache();
    faults.fail(() => systemError('ECONNRESET'), ['set']);
    expect(await cache.getOrSet('a', async () => 'loaded', HOUR)).toBe('loaded');
  });

  it('runs at most maxFallbackLoads at once, queues ten times as many, and refuses the rest', async () => {
    const { cache, turn } = await faultyCache({ maxFallbackLoads: 2 });
    turn('down');
    let running = 0;
    let most = 0;
    const gate = Promise.withResolvers<void>();
    const loader = async (): Promise<number> => {
      most = Math.max(most, ++running);
      await gate.promise;
      return running--;
    };
    const calls = Array.from({ length: 30 }, (_, index) => cache.getOrSet(`k${index}`, loader, HOUR));
    const refused = await Promise.allSettled(calls.slice(22));
    for (const outcome of refused)
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'RESOURCE_EXHAUSTED', retryable: true },
      });
    expect(running).toBe(2);
    gate.resolve();
    await Promise.all(calls.slice(0, 22));
    expect(most).toBe(2);
  });

  it('lets those who wait for a turn leave', async () => {
    const { cache, turn } = await faultyCache({ maxFallbackLoads: 1 });
    turn('down');
    const load = held();
    const first = cache.getOrSet('a', load.loader, HOUR);
    await begun(load);
    const second = held();
    await expect(cache.getOrSet('b', second.loader, { ...HOUR, timeoutMs: 10 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    load.finish('one');
    expect(await first).toBe('one');
    expect(second.signals).toHaveLength(0);
    expect(await cache.getOrSet('c', async () => 'three', HOUR)).toBe('three');
  });

  it('does not limit loads while the server answers (control)', async () => {
    const { cache } = await faultyCache({ maxFallbackLoads: 1 });
    const loads = [held(), held(), held()];
    const calls = loads.map(({ loader }, index) => cache.getOrSet(`k${index}`, loader, HOUR));
    for (const load of loads) await begun(load);
    for (const load of loads) load.finish('done');
    expect(await Promise.all(calls)).toEqual(['done', 'done', 'done']);
  });
});
