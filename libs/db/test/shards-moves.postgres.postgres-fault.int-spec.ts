import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DbProvider } from '@infra-kit/db';
import { until } from '@infra-kit/testkit';
import { Client } from 'pg';
import { Child } from './fixtures/child.js';
import { Sale } from './fixtures/sale.js';
import { sell, shardsOn, TwoServers, userOn, whereabouts, writer } from './fixtures/two-servers.js';

const PATIENT = { deadlineMs: 60_000 };
let two: TwoServers;
let db: DbProvider;
let other: DbProvider;
beforeAll(async () => {
  two = await TwoServers.start();
  [db, other] = [await two.open(), await two.open()];
}, 60_000);
afterAll(() => two.stop());

const schema = (shard: number): string => `shard_${String(shard).padStart(4, '0')}`;
let last = 0;

/** A user that no test has had, in a shard of the first server, and a shard of the second. */
async function traveller(): Promise<{ user: number; slot: number; from: number; to: number }> {
  last = userOn(db, 'whole', last + 1);
  const [user, [to = 0]] = [last, shardsOn(db, 'hurt')];
  await Promise.all([sell(db, user), sell(other, user)]);
  return { user, slot: db.shards.slotOf(user), from: db.shards.indexOf('sale', user), to };
}

/** A session beside the pools. */
async function session(server: number): Promise<Client & AsyncDisposable> {
  const client = new Client({ connectionString: two.servers[server]?.url });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

describe('a slot that moves between two servers while two instances write', () => {
  it('loses nothing, and what was written is in one place', async () => {
    const { user, slot, from, to } = await traveller();
    const before = (await whereabouts(db, user))[from] ?? [];
    const writers = [writer(db, user), writer(other, user)];
    await until('they write', () => writers.every(({ written }) => written.length > 5));
    await db.shards.move(slot, to);
    const at = writers.map(({ written }) => written.length);
    await until('they go on', () => writers.every(({ written }, n) => written.length > (at[n] ?? 0) + 5));
    for (const each of writers) await each.stop();
    const ids = [...before, ...writers.flatMap(({ written }) => written)].sort();
    const found = await whereabouts(db, user);
    expect(found[to]).toEqual(ids);
    expect(found.filter((sales) => sales.length > 0)).toHaveLength(1);
  }, 60_000);

  it('control: copied and switched without closing it to writers, it loses what was written meanwhile', async () => {
    const { user, slot, from, to } = await traveller();
    const writing = writer(db, user);
    const { written } = writing;
    await until('it writes', () => written.length > 5);
    const rows = await db.shards.on(from, (em) => em.find(Sale, { userId: user }));
    await db.shards.on(to, async (em) => {
      await em.execute(`insert into ${schema(to)}.infra_owned_slots (slot) values (?)`, [slot]);
      await em.insertMany(
        Sale,
        rows.map(({ id, userId, total }) => ({ id, userId, total })),
      );
    });
    const copied = written.length;
    await until('it goes on writing', () => written.length > copied + 5);
    await db.em().execute('update infra_shard_slots set shard = ? where slot = ?', [to, slot]);
    await db.shards.on(from, async (em) => {
      await em.execute(`delete from ${schema(from)}.infra_owned_slots where slot = ?`, [slot]);
      await em.execute(`delete from ${schema(from)}.sale where user_id = ?`, [user]);
    });
    await writing.stop();
    const there = (await whereabouts(db, user))[to] ?? [];
    expect(written.filter((id) => !there.includes(id)).length).toBeGreaterThan(0);
  }, 60_000);
});

interface Step {
  /** Makes the mover stand still at the step, in a session of its own. */
  readonly hold?: { readonly server: number; readonly sql: string };
  /** What the mover waits in when it is there; without it: when the route has changed. */
  readonly waitsIn?: string;
  /** Writers that meet the slot would clear up in the mover's place. */
  readonly alone?: boolean;
}

const steps = (user: number, slot: number, from: number, to: number): Readonly<Record<string, Step>> => ({
  'while it waits for writers': {
    hold: {
      server: 0,
      sql: `select 1 from ${schema(from)}.infra_owned_slots where slot = ${slot} for share`,
    },
    waitsIn: 'update "shard',
  },
  'while it copies': {
    hold: { server: 1, sql: `lock table ${schema(to)}.sale in share mode` },
    waitsIn: 'insert into "shard',
  },
  'when it has copied, before the route changes': {
    hold: { server: 0, sql: 'lock table infra_shard_slots in share mode' },
    waitsIn: 'update infra_shard_slots',
  },
  'when the route has changed': {},
  'while it deletes the old rows': {
    hold: { server: 0, sql: `select 1 from ${schema(from)}.sale where user_id = ${user} for update` },
    waitsIn: 'delete from "shard',
    alone: true,
  },
});

/** Starts a mover, lets it come to the step, kills it, and lets go of what held it. */
async function killedAt(
  { hold, waitsIn }: Step,
  { slot, to }: { readonly slot: number; readonly to: number },
): Promise<void> {
  await using blocker = await session(hold?.server ?? 0);
  if (hold !== undefined) await blocker.query(`begin; ${hold.sql}`);
  const mover = new Child('move-slot.ts', [JSON.stringify({ servers: two.servers, slot, to })]);
  await using looker = await session(hold?.server ?? 0);
  const reached = async (): Promise<boolean> => {
    const { rows } =
      waitsIn === undefined
        ? await looker.query('select 1 from infra_shard_slots where slot = $1 and shard = $2', [slot, to])
        : await looker.query(
            `select 1 from pg_stat_activity
             where application_name = 'mover' and wait_event_type = 'Lock' and query like $1`,
            [`${waitsIn}%`],
          );
    return rows.length > 0;
  };
  await until('the mover is there', reached, PATIENT);
  await mover.kill();
}

describe('a mover that is killed', () => {
  it.each(Object.keys(steps(0, 0, 0, 0)))(
    '%s hinders no writer for long; the move is run again, and nothing is lost or doubled',
    async (name) => {
      const place = await traveller();
      const { user, slot, from, to } = place;
      const before = (await whereabouts(db, user))[from] ?? [];
      const step = steps(user, slot, from, to)[name] ?? {};
      const early = step.alone === true ? [] : [writer(db, user), writer(other, user)];
      await killedAt(step, place);
      const writers = early.length > 0 ? early : [writer(db, user), writer(other, user)];
      const at = writers.map(({ written }) => written.length);
      await until(
        'writers go on',
        () => writers.every(({ written }, n) => written.length > (at[n] ?? 0) + 5),
        PATIENT,
      );
      await other.shards.move(slot, to);
      const moved = writers.map(({ written }) => written.length);
      await until(
        'and on',
        () => writers.every(({ written }, n) => written.length > (moved[n] ?? 0) + 5),
        PATIENT,
      );
      for (const each of writers) await each.stop();

      const ids = [...before, ...writers.flatMap(({ written }) => written)].sort();
      const found = await whereabouts(db, user);
      expect(found[to]).toEqual(ids);
      expect(found.filter((sales) => sales.length > 0)).toHaveLength(1);
    },
    120_000,
  );

  it.each(['when it has copied, before the route changes', 'while it deletes the old rows'])(
    '%s leaves rows twice until the next instance starts, which clears up without being asked',
    async (name) => {
      const place = await traveller();
      const { user, slot, from, to } = place;
      const ids = (await whereabouts(db, user))[from] ?? [];
      await killedAt(steps(user, slot, from, to)[name] ?? {}, place);
      expect((await whereabouts(db, user)).filter((sales) => sales.length > 0)).toHaveLength(2);
      const next = await two.open();
      await until(
        'it has cleared up',
        async () => (await whereabouts(next, user)).filter((sales) => sales.length > 0).length === 1,
        PATIENT,
      );
      expect((await whereabouts(next, user))[next.shards.indexOf('sale', user)]).toEqual(ids);
      await sell(next, user);
    },
    120_000,
  );
});
