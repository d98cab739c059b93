import { describe, expect, it } from '@jest/globals';
import { createCache } from '@infra-kit/cache';
import { PATIENT } from '@infra-kit/cache/testing';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';
import { startChild, type Child } from './fixtures/child.js';

const PATIENT_MS = 180_000;
const PROCESSES = 10;

/** How often the source was asked, and what all callers got. */
async function stampede(
  how: 'leased' | 'alone',
): Promise<{ loads: number; values: Set<number>; answers: number }> {
  const { url } = sharedRedis();
  const keyPrefix = uniquePrefix('stampede');
  const children: Child[] = Array.from({ length: PROCESSES }, () =>
    startChild('cold-callers.mjs', [url, keyPrefix, how]),
  );
  try {
    for (const child of children) expect(await child.next()).toBe('ready');
    for (const child of children) child.say('go');
    const reports = await Promise.all(children.map((child) => child.next()));
    const parsed = reports.map((line) => JSON.parse(line) as { answers: number; values: number[] });
    const cache = await createCache({ ...PATIENT, url, keyPrefix });
    const loads = (await cache.get<number>('loads')) ?? 0;
    await cache.close();
    return {
      loads,
      values: new Set(parsed.flatMap(({ values }) => values)),
      answers: parsed.reduce((sum, { answers }) => sum + answers, 0),
    };
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
}

describe(`${PROCESSES} processes with 1,000 callers each on one cold key`, () => {
  it(
    'cause one load',
    async () => {
      expect(await stampede('leased')).toEqual({ loads: 1, values: new Set([1]), answers: PROCESSES * 1000 });
    },
    PATIENT_MS,
  );

  it(
    'cause several without the lease (control)',
    async () => {
      expect((await stampede('alone')).loads).toBeGreaterThan(1);
    },
    PATIENT_MS,
  );
});

describe('a holder of a lock that is stopped past its ttl and continued', () => {
  /** Two add 1 to an account under the lock; the first is stopped in between. */
  async function overtaken(
    how: 'fenced' | 'bare',
  ): Promise<{ first: Record<string, unknown>; account: number }> {
    const { url } = sharedRedis();
    const keyPrefix = uniquePrefix('fence');
    const started: Child[] = [];
    const holder = (): Child => {
      const child = startChild('lock-holder.mjs', [url, keyPrefix, how]);
      started.push(child);
      return child;
    };
    try {
      const first = holder();
      expect(JSON.parse(await first.next())).toMatchObject({ read: 0 });
      first.signal('SIGSTOP');
      for (const read of [0, 1]) {
        const next = holder(); // waits until the first one's time is over
        expect(JSON.parse(await next.next())).toMatchObject({ read });
        next.say('write');
        expect(JSON.parse(await next.next())).toMatchObject({ written: true, lost: false });
      }
      first.signal('SIGCONT');
      first.say('write');
      const told = JSON.parse(await first.next()) as Record<string, unknown>;
      const cache = await createCache({ ...PATIENT, url, keyPrefix });
      const account = (await cache.get<number>('account')) ?? 0;
      await cache.close();
      return { first: told, account };
    } finally {
      for (const child of started) await child[Symbol.asyncDispose]();
    }
  }

  it(
    'cannot write with its old token, and knows that the lock is lost',
    async () => {
      const { first, account } = await overtaken('fenced');
      expect(first).toMatchObject({ written: false, lost: true });
      expect(first['remainingMs']).toBeLessThanOrEqual(0);
      expect(account).toBe(2);
    },
    PATIENT_MS,
  );

  it(
    'loses the updates of others when its write carries no token (control)',
    async () => {
      expect((await overtaken('bare')).account).toBe(1);
    },
    PATIENT_MS,
  );
});
