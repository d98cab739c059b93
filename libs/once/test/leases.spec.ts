import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { FakeClock, faulty, type Faulty, RecordingLogger } from '@infra-kit/kernel/testing';
import {
  createOnce,
  OnceInProgressError,
  OnceLeaseLostError,
  type OnceConfigOptions,
  type OnceProvider,
} from '@infra-kit/once';

const LEASE_MS = 30_000;
const away = (): Error => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

let clock: FakeClock;
let cache: CacheProvider;
/** What one process sees of the store. */
let faults: Faulty<CacheProvider>;
let logger: RecordingLogger;
let owner: OnceProvider;
let successor: OnceProvider;

beforeEach(async () => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  cache = await createCache({ driver: 'memory', commandTimeoutMs: 10_000 }, { env: 'test', clock });
  faults = faulty(cache, { parts: ['scripts'] });
  owner = await open({ storeTimeoutMs: 20 });
  successor = await createOnce({ storeTimeoutMs: 5000 }, { env: 'test', clock, cache });
});
afterEach(async () => {
  faults.heal();
  for (const each of [owner, successor, cache]) await each.close();
});

const open = (config: OnceConfigOptions): Promise<OnceProvider> =>
  createOnce(config, { env: 'test', clock, logger, cache: faults.driver });

/** A function under way: what it was given, and how to end it. */
function started<T>(once: OnceProvider, key: string): Started<T> {
  const begun = Promise.withResolvers<AbortSignal>();
  const gate = Promise.withResolvers<T>();
  const call = once.execute<T>(key, ({ signal }) => {
    begun.resolve(signal);
    return gate.promise;
  });
  const outcome = call.catch((error: unknown) => error);
  return { begun: begun.promise, end: gate.resolve, fail: gate.reject, outcome };
}
interface Started<T> {
  readonly begun: Promise<AbortSignal>;
  readonly end: (value: T) => void;
  readonly fail: (error: unknown) => void;
  readonly outcome: Promise<unknown>;
}

/** Lets time pass in steps, so that what hangs gives up in real time as well. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) await clock.advance(Math.min(left, 1000));
}

describe('a lease', () => {
  it('is renewed every third while the method runs, for as long as it takes', async () => {
    const run = started(owner, 'k');
    const signal = await run.begun;
    const before = faults.calls.get('scripts') ?? 0;
    await pass(10 * LEASE_MS);
    expect((faults.calls.get('scripts') ?? 0) - before).toBe(30);
    await expect(successor.execute('k', async () => 1)).rejects.toBeInstanceOf(OnceInProgressError);
    run.end('done');
    expect(await run.outcome).toEqual({ value: 'done', replayed: false });
    expect(signal.aborted).toBe(false);
    expect((await successor.get('k'))?.startedAt).toBe(Date.UTC(2026, 0, 1));
  });

  it('frees the key of a dead owner after leaseMs, not after the ttl', async () => {
    const run = started(owner, 'k');
    await run.begun;
    faults.fail(away);
    await pass(LEASE_MS - 1000);
    await expect(successor.execute('k', async () => 1)).rejects.toBeInstanceOf(OnceInProgressError);
    await pass(1000);
    expect(await successor.execute('k', async () => 'mine')).toEqual({ value: 'mine', replayed: false });
    run.end('late');
    await run.outcome;
  });

  it('lets a waiter have the key of an owner that died', async () => {
    const run = started(owner, 'k');
    await run.begun;
    faults.fail(away);
    const waiting = successor.execute('k', async () => 'mine', { onInFlight: 'wait', waitMs: 2 * LEASE_MS });
    await pass(LEASE_MS + 1000);
    expect(await waiting).toEqual({ value: 'mine', replayed: false });
    run.end('late');
    await run.outcome;
  });

  it('that is lost aborts the signal before the key can be free, with the error its caller gets', async () => {
    const run = started(owner, 'k');
    const signal = await run.begun;
    faults.fail(away);
    await pass(0.8 * LEASE_MS);
    expect(signal.aborted).toBe(false);
    await pass(0.1 * LEASE_MS);
    expect(signal.reason).toBeInstanceOf(OnceLeaseLostError);
    expect(signal.reason).toMatchObject({ code: 'FAILED_PRECONDITION', retryable: false });
    faults.heal();
    run.end('late');
    expect(await run.outcome).toBeInstanceOf(OnceLeaseLostError);
  });

  it('that is lost lets no stale result replace that of the successor', async () => {
    const run = started(owner, 'k');
    await run.begun;
    faults.fail(away);
    await pass(LEASE_MS);
    await successor.execute('k', async () => 'of the successor');
    faults.heal();
    run.end('stale');
    expect(await run.outcome).toBeInstanceOf(OnceLeaseLostError);
    expect(await successor.execute('k', async () => 'again')).toEqual({
      value: 'of the successor',
      replayed: true,
    });
  });

  it('control: without the fence the stale result would replace it', async () => {
    const [first, second] = [await cache.increment('fence'), await cache.increment('fence')];
    const naive = async (fence: number, value: string): Promise<void> =>
      void (await cache.set('record', { fence, value }));
    await naive(second, 'of the successor');
    await naive(first, 'stale');
    expect(await cache.get('record')).toEqual({ fence: first, value: 'stale' });
  });

  it('that is lost while the successor still runs cannot complete its key either', async () => {
    const run = started(owner, 'k');
    await run.begun;
    faults.fail(away);
    await pass(LEASE_MS);
    faults.heal();
    const next = started(successor, 'k');
    await next.begun;
    run.end('stale');
    expect(await run.outcome).toBeInstanceOf(OnceLeaseLostError);
    expect((await successor.get('k'))?.status).toBe('running');
    next.end('new');
    expect(await next.outcome).toEqual({ value: 'new', replayed: false });
  });

  it('that is lost with nobody after it keeps the result, for the effect has happened', async () => {
    const run = started(owner, 'k');
    await run.begun;
    faults.fail(away);
    await pass(2 * LEASE_MS);
    faults.heal();
    run.end('had');
    expect(await run.outcome).toMatchObject({ message: expect.stringContaining('kept all the same') });
    expect(await successor.execute('k', async () => 'again')).toEqual({ value: 'had', replayed: true });
  });

  it('that is lost has the error of the method as its cause', async () => {
    const run = started(owner, 'k');
    await run.begun;
    faults.fail(away);
    await pass(LEASE_MS);
    const error = new Error('mine');
    run.fail(error);
    expect(await run.outcome).toMatchObject({ name: 'OnceLeaseLostError', cause: error });
  });

  it('is lost when the key is cleared', async () => {
    const run = started(owner, 'k');
    const signal = await run.begun;
    expect(await successor.clear('k')).toBe(true);
    await pass(LEASE_MS / 3);
    expect(signal.aborted).toBe(true);
    run.end('late');
    expect(await run.outcome).toBeInstanceOf(OnceLeaseLostError);
    expect(await successor.get('k')).toBeUndefined();
  });

  it('is taken down again, with its fence, when the store was emptied', async () => {
    const run = started(owner, 'k');
    const signal = await run.begun;
    const before = await successor.get('k');
    await cache.deleteByPrefix('');
    await pass(LEASE_MS / 3);
    const after = await successor.get('k');
    expect([after?.status, after?.fence, signal.aborted]).toEqual(['running', before?.fence, false]);
    await cache.deleteByPrefix('');
    run.end('done');
    expect(await run.outcome).toEqual({ value: 'done', replayed: false });
    expect((await successor.get('k'))?.status).toBe('done');
  });
});

describe('the store', () => {
  it('is asked twice the first time, once on replay, and twice for a failure', async () => {
    const asked = async (fn: () => Promise<unknown>): Promise<number> => {
      const before = faults.calls.get('scripts') ?? 0;
      await owner.execute('k', fn).catch(() => undefined);
      return (faults.calls.get('scripts') ?? 0) - before;
    };
    expect(await asked(() => Promise.reject(new Error('fails')))).toBe(2);
    expect(await asked(async () => 1)).toBe(2);
    expect(await asked(async () => 1)).toBe(1);
  });
});

describe('fences', () => {
  it('rise over a store that was emptied, by its clock, and over a clock that steps back, by its counter', async () => {
    const fences: bigint[] = [];
    const run = (): Promise<unknown> => owner.execute('k', async ({ fence }) => void fences.push(fence));
    await run();
    await cache.deleteByPrefix('');
    await clock.advance(1);
    await run();
    await owner.clear('k');
    clock.step(-3_600_000);
    await run();
    await clock.advance(7 * 86_400_000);
    clock.step(-8 * 86_400_000);
    await run();
    expect(fences).toHaveLength(4);
    expect(fences).toEqual(fences.toSorted((a, b) => Number(a - b)));
    expect(new Set(fences).size).toBe(4);
  });
});

describe('a store that is away', () => {
  it('refuses before the method runs: UNAVAILABLE, also when it only hangs', async () => {
    for (const fault of [() => faults.fail(away), () => faults.hang()]) {
      fault();
      let runs = 0;
      await expect(owner.execute('k', async () => ++runs)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        retryable: true,
        message: expect.stringContaining('nothing was run'),
      });
      expect(runs).toBe(0);
      faults.heal();
    }
  });

  it('leaves no key taken when the answer to a claim was lost', async () => {
    faults.hang();
    const lost = owner.execute('k', async () => 'never');
    await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    faults.heal(); // the claim is carried out now, and what gives it back comes after it
    await clock.advance(0);
    expect(await successor.execute('k', async () => 'mine')).toEqual({ value: 'mine', replayed: false });
  });

  it('lets calls run unprotected where onStoreError is open', async () => {
    const careless = await open({ onStoreError: 'open', storeTimeoutMs: 20 });
    faults.fail(away);
    const fences = await Promise.all([1, 2].map(() => careless.execute('k', async ({ fence }) => fence)));
    expect(fences).toEqual([
      { value: 0n, replayed: false },
      { value: 0n, replayed: false },
    ]);
    faults.heal();
    await careless.close();
  });

  it('that fails at completion rejects, never resolves, and the result is stored as soon as it is back', async () => {
    const run = started(owner, 'k');
    await run.begun;
    faults.fail(away);
    run.end('had');
    expect(await run.outcome).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('the effect may have happened'),
    });
    await expect(successor.execute('k', async () => 'twice')).rejects.toBeInstanceOf(OnceInProgressError);
    faults.heal();
    await pass(LEASE_MS / 10);
    expect(await successor.execute('k', async () => 'twice')).toEqual({ value: 'had', replayed: true });
  });

  it('that stays away after completion leaves the key free after the lease, and says so', async () => {
    const run = started(owner, 'k');
    await run.begun;
    faults.fail(away);
    run.end('had');
    await run.outcome;
    await pass(2 * LEASE_MS);
    expect(logger.lines.map(({ message }) => message).join()).toContain('a result was not stored');
    expect((await successor.execute('k', async () => 'again')).replayed).toBe(false);
  });
});
