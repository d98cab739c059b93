import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { createDb, type DbProvider } from '@infra-kit/db';
import { eventually } from '@infra-kit/kernel/testing';
import { createOnce, type OnceProvider, type OnceStoreKind } from '@infra-kit/once';
import { createDatabase, sharedRedis, uniqueName, uniquePrefix, type OwnDatabase } from '@infra-kit/testkit';
import { Owner, type OwnerArguments } from './fixtures/owners.js';

jest.setTimeout(120_000); // processes start slowly on a machine that is busy

const LEASE_MS = 1000;
const PATIENT = { onInFlight: 'wait', waitMs: 25_000 } as const;

const prefix = uniquePrefix('owners');
let database: OwnDatabase;
let db: DbProvider;
let cache: CacheProvider;
let once: OnceProvider;
beforeAll(async () => {
  database = await createDatabase();
  db = await createDb({ url: database.url }, { env: 'test' });
  await db.sql`create table effects (key text, pid integer)`;
  cache = await createCache(
    { url: sharedRedis().url, keyPrefix: prefix, commandTimeoutMs: 20_000 },
    { env: 'test' },
  );
  once = await createOnce({ storeTimeoutMs: 20_000 }, { cache, db, env: 'test', service: 'owners' });
});
afterAll(async () => {
  for (const each of [once, cache, db]) await each.close();
  await database.drop();
});

let key = '';
const owners: Owner[] = [];
beforeEach(() => {
  key = uniqueName('key');
});
afterEach(() => {
  for (const { process } of owners.splice(0)) process.kill('SIGKILL');
});

function owner(store: OwnerArguments['store'], killAt?: string): Owner {
  const url = store === 'db' ? database.url : sharedRedis().url;
  const made = new Owner({ store, url, prefix, key, leaseMs: LEASE_MS, killAt });
  owners.push(made);
  return made;
}

/** What the client does who heard nothing: asks again with the same key. */
function retry(store: OnceStoreKind): Promise<{ value: unknown; replayed: boolean }> {
  const effect = store === 'db' ? () => db.sql`insert into effects values (${key}, 0)` : bare;
  return once.execute(
    key,
    async () => {
      await effect();
      return 'of the retry';
    },
    { ...PATIENT, store, leaseMs: LEASE_MS },
  );
}
const bare = (): Promise<number> => cache.increment(`effects:${key}`);

async function effects(store: OwnerArguments['store']): Promise<number> {
  if (store !== 'db') return (await cache.get<number>(`effects:${key}`)) ?? 0;
  return (await db.sql`select pid from effects where key = ${key}`).length;
}

describe('an owner killed at any step, and a retry', () => {
  it.each([
    'before transaction',
    'before claim',
    'after claim',
    'before effect',
    'after effect',
    'before complete',
    'after complete',
    'after transaction',
    'before answer',
  ])('leave one effect with the db store: %s', async (step) => {
    expect(await owner('db', step).outcome()).toBeUndefined();
    const { replayed } = await retry('db');
    expect(await effects('db')).toBe(1);
    expect(replayed).toBe(step === 'after transaction' || step === 'before answer');
  });

  it.each([
    ['before claim', 1],
    ['after claim', 1],
    ['before effect', 1],
    ['after effect', 2],
    ['before complete', 2],
    ['after complete', 1],
    ['before answer', 1],
  ])('leave with the cache store at most the documented window: %s', async (step, count) => {
    expect(await owner('cache', step).outcome()).toBeUndefined();
    const { replayed } = await retry('cache');
    expect([await effects('cache'), replayed]).toEqual([
      count,
      step === 'after complete' || step === 'before answer',
    ]);
  });

  it('control: without a key the retry has the effect again, after the answer was ready too', async () => {
    expect(await owner('none', 'before answer').outcome()).toBeUndefined();
    await bare();
    expect(await effects('none')).toBe(2);
  });
});

describe('an owner stopped beyond its lease, a successor that finishes, and the owner continued', () => {
  it.each(['cache', 'db'] as const)('leave the result of the successor, %s store', async (store) => {
    const stale = owner(store);
    await stale.begun;
    stale.process.kill('SIGSTOP');
    expect(await retry(store)).toEqual({ value: 'of the retry', replayed: false });
    stale.process.kill('SIGCONT');
    stale.goOn();
    expect(await stale.outcome()).toMatchObject({ error: 'OnceLeaseLostError' });
    expect(await retry(store)).toEqual({ value: 'of the retry', replayed: true });
    // with the db store the stale effect is rolled back; with the cache store it is the method's to look at signal and fence
    expect(await effects(store)).toBe(store === 'db' ? 1 : 2);
  });

  it('control: an owner that is not stopped keeps its key beyond the lease', async () => {
    const living = owner('cache');
    await living.begun;
    const until = async (): Promise<number> => (await once.get(key))?.expiresAt ?? 0;
    const firstUntil = await until();
    const waiting = retry('cache');
    await eventually(async () => expect(await until()).toBeGreaterThan(firstUntil + LEASE_MS));
    expect(await effects('cache')).toBe(0);
    living.goOn();
    expect(await living.outcome()).toMatchObject({ result: { replayed: false } });
    expect((await waiting).replayed).toBe(true);
    expect(await effects('cache')).toBe(1);
  });
});
