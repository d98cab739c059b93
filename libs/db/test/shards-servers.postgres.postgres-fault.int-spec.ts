import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DbProvider } from '@infra-kit/db';
import { until } from '@infra-kit/testkit';
import { Sale } from './fixtures/sale.js';
import { sell, shardsOn, TwoServers, userOn } from './fixtures/two-servers.js';

describe('sixteen shards over two PostgreSQL servers', () => {
  let two: TwoServers;
  let db: DbProvider;
  beforeAll(async () => {
    two = await TwoServers.start();
    db = await two.open();
  }, 60_000);
  afterAll(() => two.stop());

  it('are eight on each, have sixty-four slots each, and answer by key', async () => {
    expect([shardsOn(db, 'whole').length, shardsOn(db, 'hurt').length]).toEqual([8, 8]);
    for (const { slots, schema, index } of db.shards.info()) {
      expect(slots).toHaveLength(64);
      expect(schema).toBe(`shard_${String(index).padStart(4, '0')}`);
    }
    for (let user = 0; user < 100; user++) {
      const id = await sell(db, user);
      expect((await db.em().findOneOrFail(Sale, { userId: user, id })).id).toBe(id);
    }
  });

  it('answer in parallel: all sixteen are asked before one has answered', async () => {
    const arrived = Promise.withResolvers<void>();
    let here = 0;
    const answers = await db.shards.all(
      async (em, index) => {
        await em.execute('select 1');
        if (++here === 16) arrived.resolve();
        await arrived.promise;
        return index;
      },
      { concurrency: 16 },
    );
    expect(answers).toEqual([...answers.keys()]);
  });
});

describe.each([
  ['the server of the routes', true],
  ['the other server', false],
])('with %s killed', (_which, hurtFirst) => {
  let two: TwoServers;
  let db: DbProvider;
  beforeAll(async () => {
    two = await TwoServers.start({ hurtFirst });
    db = await two.open();
  }, 60_000);
  afterAll(() => two.stop());

  it('its shards are UNAVAILABLE, the others answer and are written, and all is well when it is back', async () => {
    const [gone, there] = [userOn(db, 'hurt'), userOn(db, 'whole')];
    await sell(db, gone);
    await two.hurt.kill();
    await until('it is noticed', async () =>
      sell(db, gone).then(
        () => false,
        () => true,
      ),
    );
    await expect(sell(db, gone)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(db.shards.of(gone).sql`select 1`).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(db.shards.on(db.shards.indexOf('sale', gone), (em) => em.count(Sale))).rejects.toMatchObject(
      { code: 'UNAVAILABLE' },
    );
    const id = await sell(db, there);
    expect((await db.em().findOneOrFail(Sale, { userId: there, id })).id).toBe(id);

    const ask = async (em: ReturnType<DbProvider['em']>, index: number): Promise<number> => {
      await em.count(Sale);
      return index;
    };
    expect(await db.shards.all(ask, { onError: 'collect', concurrency: 16 })).toEqual(shardsOn(db, 'whole'));
    await expect(db.shards.all(ask)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await db.health()).status).toBe(hurtFirst ? 'down' : 'degraded');

    await two.hurt.restart();
    await until('it is back', async () => (await db.shards.all(ask)).length === 16, { deadlineMs: 30_000 });
    await sell(db, gone);
  }, 60_000);
});
