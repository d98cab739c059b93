import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createDb, type DbProvider } from '@infra-kit/db';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { createOnce, ONCE_INDEX_SQL, ONCE_TABLE_SQL, type OnceProvider } from '@infra-kit/once';
import { createDatabase, uniqueName, type OwnDatabase } from '@infra-kit/testkit';

let database: OwnDatabase;
let db: DbProvider;
let once: OnceProvider;
let key = '';
beforeAll(async () => {
  database = await createDatabase();
  db = await createDb({ url: database.url }, { env: 'test' });
  await db.sql`create table effects (key text, note text)`;
  once = await createOnce({}, { db, env: 'test' });
});
afterAll(async () => {
  await once.close();
  await db.close();
  await database.drop();
});
beforeEach(() => {
  key = uniqueName('key');
});

const effect = (note = 'x') =>
  db.sql<{ note: string }>`insert into effects values (${key}, ${note}) returning note`;
const effects = async (): Promise<number> =>
  (await db.sql`select 1 as one from effects where key = ${key}`).length;
const fail = new Error('fails');

describe('the db store', () => {
  it('commits key, effect and result with the transaction of the function, or none of them', async () => {
    const failing = once.execute(key, async () => {
      await effect();
      throw fail;
    });
    await expect(failing).rejects.toBe(fail);
    expect([await effects(), await once.get(key)]).toEqual([0, undefined]);
    await once.execute(key, () => effect());
    expect([await effects(), (await once.get(key))?.value]).toEqual([1, [{ note: 'x' }]]);
  });

  it('joins the transaction of its caller: what that one takes back is free again', async () => {
    const outer = (end: () => void): Promise<unknown> =>
      db.transaction(async () => {
        await once.execute(key, () => effect());
        expect(await once.execute(key, () => effect())).toMatchObject({ replayed: true });
        end();
      });
    await expect(
      outer(() => {
        throw fail;
      }),
    ).rejects.toBe(fail);
    expect([await effects(), await once.get(key)]).toEqual([0, undefined]);
    await outer(() => undefined);
    expect(await effects()).toBe(1);
    expect((await once.get(key))?.status).toBe('done');
  });

  it('takes back a failed function alone, where its caller goes on', async () => {
    await db.transaction(async () => {
      await effect('of the caller');
      const failing = once.execute(key, async () => {
        await effect();
        throw fail;
      });
      await expect(failing).rejects.toBe(fail);
    });
    expect([await effects(), await once.get(key)]).toEqual([1, undefined]);
  });

  it('keeps an error that is to be kept, and takes back what the function did', async () => {
    const run = (): Promise<unknown> =>
      once.execute(
        key,
        async () => {
          await effect();
          throw fail;
        },
        { storeError: () => true },
      );
    await expect(run()).rejects.toBe(fail);
    await expect(run()).rejects.toThrow('fails');
    expect([await effects(), (await once.get(key))?.status]).toEqual([0, 'done']);
  });

  it('runs a function whole again after a serialization failure, and keeps one result', async () => {
    let runs = 0;
    const result = await once.execute(key, async () => {
      runs++;
      await effect();
      if (runs === 1) await db.sql`do $$ begin raise sqlstate '40001'; end $$`;
      return runs;
    });
    expect([result.value, runs, await effects()]).toEqual([2, 2, 1]);
  });

  it('keeps a transaction alive for as long as the function runs, and no longer without it', async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const running = once.execute(
      key,
      async () => {
        begun.resolve();
        await gate.promise;
        return effect();
      },
      { leaseMs: 300 },
    );
    await begun.promise;
    await db.sql`select pg_sleep(1)`; // more than three leases by the clock that counts them
    gate.resolve();
    expect((await running).replayed).toBe(false);
    // control: with a clock that stands still nothing beats, so the server ends the transaction
    const stopped = await createOnce({}, { db, env: 'test', clock: new FakeClock() });
    const [entered, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const lost = stopped.execute(
      `${key}-stopped`,
      async () => {
        entered.resolve();
        await goOn.promise;
        return effect();
      },
      { leaseMs: 300 },
    );
    await entered.promise;
    await db.sql`select pg_sleep(1)`;
    goOn.resolve();
    await expect(lost).rejects.toThrow();
    await stopped.close();
  });

  it('takes its effect back when another transaction has completed the key, and replays that one', async () => {
    const stored = `once:{service::${key}}`;
    const other = await createDb({ url: database.url }, { env: 'test' });
    let runs = 0;
    const result = await once.execute(key, async () => {
      runs++;
      await effect();
      // as one that committed while the claim of this one was on its way, and let go of its lock
      await other.sql`insert into infra_once values
        (${stored}, 1, now(), now(), now() + interval '1 hour', null, 'v"of the other"')`;
      return 'mine';
    });
    await other.close();
    expect(result).toEqual({ value: 'of the other', replayed: true });
    expect([runs, await effects()]).toEqual([1, 0]);
  });

  it('hides no key from a prefix, and none beyond it', async () => {
    for (const end of ['a%', 'a_', 'b']) await once.do(`${key}${end}`, async () => 1);
    expect(await once.clearByPrefix(`${key}a%`)).toBe(1);
    expect(await once.clearByPrefix(`${key}`)).toBe(2);
  });

  it('has its table made in development and test alone, and says what is missing', async () => {
    const bare = await createDatabase();
    const other = await createDb({ url: bare.url }, { env: 'test' });
    const unmade = await createOnce({ store: 'db' }, { db: other, env: 'production' });
    for (const ask of [
      () => unmade.execute(key, async () => 1),
      () => unmade.get(key),
      () => unmade.clear(key),
      () => unmade.clearByPrefix(''),
    ])
      await expect(ask()).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining('ONCE_TABLE_SQL'),
      });
    await other.em().execute(ONCE_TABLE_SQL);
    await other.em().execute(ONCE_INDEX_SQL);
    expect(await unmade.do(key, async () => 1)).toBe(true);
    await unmade.close();
    // many start at once
    const many = await Promise.all(
      Array.from({ length: 8 }, () => createOnce({}, { db: other, env: 'test' })),
    );
    for (const each of many) await each.close();
    expect(await other.autoMigrate({ dryRun: true })).toEqual([]);
    await other.close();
    await bare.drop();
  });

  it('removes what expired long ago, and remembers fences for at least seven days', async () => {
    const clock = new FakeClock();
    const purging = await createOnce({}, { db, env: 'test', clock });
    for (const [name, days] of [
      ['old', 9],
      ['young', 7],
    ] as const) {
      await purging.do(`${key}-${name}`, async () => 1);
      await db.sql`update infra_once set expires_at = now() - make_interval(days => ${days})
        where id like ${`%${key}-${name}}`}`;
    }
    await clock.advance(3_600_000);
    const left = () => db.sql<{ id: string }>`select id from infra_once where id like ${`%${key}%`}`;
    await eventually(async () =>
      expect(await left()).toMatchObject([{ id: expect.stringContaining('young') }]),
    );
    await purging.close();
  });

  it('refuses while the database is away: nothing has run', async () => {
    const gone = await createDatabase();
    const other = await createDb({ url: gone.url }, { env: 'test' });
    const away = await createOnce({}, { db: other, env: 'test' });
    await gone.drop();
    let runs = 0;
    await expect(away.execute(key, async () => ++runs)).rejects.toThrow();
    expect(runs).toBe(0);
    await away.close();
    await other.close();
  });
});
