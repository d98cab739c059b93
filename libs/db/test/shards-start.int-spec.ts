import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { createDb, type DbEntity, type DbOptions, type DbProvider } from '@infra-kit/db';

const Place = defineEntity({ name: 'Place', tableName: 'place', properties: { id: p.string().primary() } });
const Trip = defineEntity({
  name: 'Trip',
  tableName: 'trip',
  properties: {
    id: p.string().primary(),
    userId: p.integer(),
    km: p.float(),
    stops: () => p.manyToMany(Place),
  },
});
const Visit = defineEntity({
  name: 'Visit',
  tableName: 'visit',
  properties: {
    id: p.string().primary(),
    userId: p.integer(),
    place: () => p.manyToOne(Place).eager(),
  },
});
const Note = defineEntity({
  name: 'Note',
  tableName: 'note',
  properties: { id: p.string().primary(), userId: p.integer() },
});

describe('shards at the start', () => {
  let dataDir = '';
  let owner: DbProvider;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'db-shards-start-'));
    owner = await createDb({ driver: 'embedded', dataDir }, { env: 'test' });
  }, 60_000);
  afterAll(async () => {
    await owner.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const open = (
    entities: readonly DbEntity[],
    sharding: NonNullable<DbOptions['sharding']>,
    options: DbOptions = {},
  ): Promise<DbProvider> =>
    createDb({ driver: 'embedded', dataDir, entities, sharding, ...options }, { env: 'test' });
  const tables = { note: { key: 'userId' } };

  it.each<[string, DbEntity, string, string, string]>([
    ['a table that no entity has', Note, 'nothing', 'userId', 'sharding.tables.nothing: no entity'],
    [
      'a key that is no property',
      Note,
      'note',
      'buyer',
      "sharding.tables.note.key: the entity Note has no property 'buyer'",
    ],
    ['a key whose text is not certain', Trip, 'trip', 'km', 'sharding.tables.trip.key'],
    ['rows in a pivot table that has no key', Trip, 'trip', 'userId', "'stops' needs a pivot entity"],
    ['an eager relation out of the shard', Visit, 'visit', 'userId', "'place' cannot be eager"],
  ])('refuse %s, by name', async (_what, entity, table, key, named) => {
    await expect(open([entity, Place], { tables: { [table]: { key } } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(named),
    });
  });

  it('are made by autoMigrate, and without it asked for in one sentence', async () => {
    await expect(open([Note], { tables, shards: 4 }, { autoMigrate: false })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('start once with autoMigrate: true'),
    });
    await (await open([Note], { tables, shards: 4 })).close();
    const db = await open([Note], { tables, shards: 4 }, { autoMigrate: false });
    await db.em().insert(Note, { id: 'first', userId: 1 });
    expect(db.shards.info().map(({ slots }) => slots.length)).toEqual([256, 256, 256, 256]);
    await db.close();
  });

  it('may become more, which have no slots until some are moved there, and never fewer', async () => {
    const db = await open([Note], { tables, shards: 6 });
    expect(db.shards.info().map(({ slots }) => slots.length)).toEqual([256, 256, 256, 256, 0, 0]);
    expect(await db.em().count(Note, { userId: 1, id: 'first' })).toBe(1);
    await db.shards.move(db.shards.slotOf(1), 5);
    expect(db.shards.info()[5]?.slots).toEqual([db.shards.slotOf(1)]);
    expect(await db.em().count(Note, { userId: 1, id: 'first' })).toBe(1);
    await db.close();
    await expect(open([Note], { tables, shards: 4 })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('never taken away'),
    });
  });

  it('get the columns that their entities have got meanwhile', async () => {
    const Longer = defineEntity({
      name: 'Note',
      tableName: 'note',
      properties: { id: p.string().primary(), userId: p.integer(), text: p.string().nullable() },
    });
    const db = await open([Longer], { tables, shards: 6 });
    await db.em().insert(Longer, { id: 'longer', userId: 2, text: 'more' });
    expect((await db.em().findOneOrFail(Longer, { userId: 2, id: 'longer' })).text).toBe('more');
    await db.close();
  });

  it('are refused where none are configured', async () => {
    const refused = { code: 'FAILED_PRECONDITION', message: expect.stringContaining('set sharding') };
    expect(owner.shards.count).toBe(0);
    expect(owner.shards.info()).toEqual([]);
    expect(() => owner.shards.of(1)).toThrow(expect.objectContaining(refused));
    expect(() => owner.shards.slotOf(1)).toThrow(expect.objectContaining(refused));
    await expect(owner.shards.all(async () => 1)).rejects.toMatchObject(refused);
  });
});
