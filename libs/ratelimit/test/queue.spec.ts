import { describe, expect, it } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { createRateLimit, type Decision, type RateLimitProvider } from '@infra-kit/ratelimit';

const ACCOUNTS = 2000;
const IN_ONE_CALL = 64;
const MOST_UNDER_WAY = 4;

interface Held {
  readonly limits: RateLimitProvider;
  /** Script calls that wait for the store's answer. */
  readonly calls: { readonly answer: () => void; readonly fail: () => void }[];
  readonly ask: () => Promise<Decision[]>;
}

/** A limiter over a store that answers each call when the test says so. */
async function held(): Promise<Held> {
  const cache = await createCache({ driver: 'memory' }, { env: 'test' });
  const calls: Held['calls'] = [];
  const run = async (...args: Parameters<CacheProvider['scripts']['run']>): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    calls.push({ answer: resolve, fail: () => reject(new Error('connection lost')) });
    await promise;
    return cache.scripts.run(...args);
  };
  const store = new Proxy(cache, {
    get: (target, key) => (key === 'scripts' ? { run } : (Reflect.get(target, key, target) as unknown)),
  });
  const rules = { one: { rate: 1, perMs: 60_000, capacity: 4 } };
  const limits = await createRateLimit({ rules, storeTimeoutMs: 60_000 }, { cache: store, env: 'test' });
  const ask = (): Promise<Decision[]> =>
    Promise.all(Array.from({ length: ACCOUNTS }, (_, index) => limits.allow(`user:${index}`, 'one')));
  return { limits, calls, ask };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const sources = (decisions: readonly Decision[]): Set<string> =>
  new Set(decisions.map(({ source }) => source));

describe('thousands of accounts in one turn', () => {
  it('go in few calls at a time, so that the time limit of each is not spent on waiting for the others', async () => {
    const { calls, ask } = await held();
    const asked = ask();
    await turn();
    await turn();
    expect(calls).toHaveLength(MOST_UNDER_WAY);
    for (let sent = 0; sent < ACCOUNTS / IN_ONE_CALL; sent++) {
      calls[sent]?.answer();
      await turn();
      await turn();
      expect(calls.length).toBeLessThanOrEqual(sent + 1 + MOST_UNDER_WAY);
    }
    expect(sources(await asked)).toEqual(new Set(['store']));
    expect(calls).toHaveLength(Math.ceil(ACCOUNTS / IN_ONE_CALL));
  });

  it('do not wait behind a call that fails: all that were not sent are decided by the fallback at once', async () => {
    const { calls, ask } = await held();
    const asked = ask();
    await turn();
    await turn();
    for (const call of calls) call.fail();
    expect(sources(await asked)).toEqual(new Set(['fallback']));
    expect(calls).toHaveLength(MOST_UNDER_WAY);
  });
});
