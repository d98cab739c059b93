import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/sql';
import { precondition, type DbPlace } from '../db.errors.js';
import type { OpenedOrm } from '../orm/open-orm.js';
import { planSchema, runAdditions, SCHEMA_LOCK, statementsOf } from '../schema/auto-migrate.js';
import { ownershipTable, ROUTING_TABLES, shardSchema } from './shard-schema.js';
import { firstShardOf, SLOTS } from './slots.js';

/** A server of shards: its stable name and its ORM. */
export interface ShardServer {
  readonly name: string;
  readonly opened: OpenedOrm;
}

interface ShardRow {
  readonly shard: number;
  readonly server: string;
  readonly template: string;
}

interface Wanted {
  readonly place: DbPlace;
  readonly servers: readonly [ShardServer, ...ShardServer[]];
  readonly shards: number;
  /** Whether tables may be made; else they must be there. */
  readonly migrate: boolean;
  /** False where there is one session alone: it needs no lock, and would wait for itself. */
  readonly concurrent: boolean;
}

/** A manager beside any running transaction. */
const aside = ({ orm }: OpenedOrm): EntityManager => orm.em.fork({ disableContextResolution: true });

async function inOne(opened: OpenedOrm, work: (em: EntityManager) => Promise<void>): Promise<void> {
  await aside(opened).transactional((em) => work(em as EntityManager));
}

/** Where each shard is. Makes what is missing: the routing tables, new shards, their tables. One instance at a time. */
export async function setUpShards(wanted: Wanted): Promise<readonly ShardServer[]> {
  const { servers, shards, migrate, concurrent } = wanted;
  const [first] = servers;
  if (migrate && concurrent)
    await inOne(first.opened, async (em) => {
      await em.execute('select pg_advisory_xact_lock(?)', [SCHEMA_LOCK]);
      await makeShards(wanted);
    });
  else if (migrate) await makeShards(wanted);
  const rows = await shardRows(wanted);
  if (rows.length < shards)
    throw precondition(
      wanted.place,
      `${shards} shards are configured and ${rows.length} exist; start once with autoMigrate: true, which makes them`,
    );
  return rows.map(({ shard, server }) => homeOf(wanted, shard, server));
}

async function makeShards(wanted: Wanted): Promise<void> {
  const { servers } = wanted;
  const [{ opened: routing }] = servers;
  await inOne(routing, async (em) => {
    for (const statement of ROUTING_TABLES) await em.execute(statement, [], 'run');
  });
  const rows = await placeShards(wanted, await shardRows(wanted));
  await routeSlots(wanted);
  await makeTables(wanted, rows);
}

/** Once, when the first shards are made; those that come later have no slots until some are moved there. */
async function routeSlots({ servers, shards }: Wanted): Promise<void> {
  const em = aside(servers[0].opened);
  const [row] = await em.execute<{ count: number }[]>('select count(*)::int as count from infra_shard_slots');
  if (row?.count === SLOTS) return;
  const owners = Array.from({ length: SLOTS }, (_, slot) => firstShardOf(slot, shards));
  await em.execute(
    `insert into infra_shard_slots (slot, shard)
     select (n - 1)::smallint, owner::smallint from unnest(?::int[]) with ordinality as o(owner, n)
     on conflict do nothing`,
    [`{${owners.join(',')}}`],
    'run',
  );
}

/** The shards that exist; none where there are no routing tables yet. */
async function shardRows({ place, servers, shards }: Wanted): Promise<ShardRow[]> {
  const em = aside(servers[0].opened);
  const [found] = await em.execute<{ made: boolean }[]>(
    `select to_regclass('infra_shards') is not null as made`,
  );
  if (found?.made !== true) return [];
  const rows = await em.execute<ShardRow[]>(
    'select shard, server, template from infra_shards order by shard',
  );
  if (rows.length <= shards) return rows;
  throw precondition(
    place,
    `sharding.shards is ${shards}, but ${rows.length} exist; shards are never taken away, move their slots instead`,
  );
}

/** New shards go to the servers that have the fewest; those that exist stay where they are. */
async function placeShards(
  { servers, shards }: Wanted,
  rows: readonly ShardRow[],
): Promise<readonly ShardRow[]> {
  const placed = [...rows];
  const load = (name: string): number => placed.filter(({ server }) => server === name).length;
  for (let shard = rows.length; shard < shards; shard++) {
    const emptiest = servers.reduce((best, next) => (load(next.name) < load(best.name) ? next : best));
    placed.push({ shard, server: emptiest.name, template: '' });
  }
  await inOne(servers[0].opened, async (em) => {
    for (const { shard, server } of placed.slice(rows.length))
      await em.execute('insert into infra_shards (shard, server) values (?, ?)', [shard, server], 'run');
  });
  return placed;
}

function homeOf({ place, servers }: Wanted, shard: number, name: string): ShardServer {
  const home = servers.find((server) => server.name === name);
  if (home === undefined)
    throw precondition(
      place,
      `shard ${shard} is on the server '${name}', which sharding.servers does not name`,
    );
  return home;
}

/** Stands for a shard's schema in the template. */
const ANY_SCHEMA = shardSchema(0);

const templateOf = ({ orm }: OpenedOrm): Promise<string> =>
  orm.schema.getCreateSchemaSQL({ schema: ANY_SCHEMA, wrap: false });

/**
 * The tables of each shard, from one template: comparing each schema with the entities takes a second apiece, so a
 * shard whose template is the present one is left alone, and a new one is made by running the template.
 */
async function makeTables(wanted: Wanted, rows: readonly ShardRow[]): Promise<void> {
  const [first] = wanted.servers;
  const template = await templateOf(first.opened);
  const hash = createHash('sha256').update(template).digest('hex').slice(0, 16);
  const owners = await aside(first.opened).execute<{ slot: number; shard: number }[]>(
    'select slot, shard from infra_shard_slots',
  );
  for (const { shard, server, template: present } of rows) {
    if (present === hash) continue;
    const { opened } = homeOf(wanted, shard, server);
    const schema = shardSchema(shard);
    if (await isMade(opened, schema)) await addMissing(opened, schema);
    else
      await inOne(opened, async (em) => {
        const slots = owners.filter((owner) => owner.shard === shard).map(({ slot }) => slot);
        for (const statement of [
          `create schema if not exists "${schema}"`,
          ...statementsOf(template.replaceAll(ANY_SCHEMA, schema)),
          ownershipTable(schema),
          `insert into "${schema}".infra_owned_slots (slot) select unnest('{${slots.join(',')}}'::smallint[])`,
        ])
          await em.execute(statement, [], 'run');
      });
    await aside(first.opened).execute(
      'update infra_shards set template = ? where shard = ?',
      [hash, shard],
      'run',
    );
  }
}

async function isMade(opened: OpenedOrm, schema: string): Promise<boolean> {
  const [found] = await aside(opened).execute<{ made: boolean }[]>(
    `select to_regclass(?) is not null as made`,
    [`"${schema}".infra_owned_slots`],
  );
  return found?.made === true;
}

async function addMissing(opened: OpenedOrm, schema: string): Promise<void> {
  const { additions } = await planSchema(opened.orm, schema);
  if (additions.length > 0) await inOne(opened, (em) => runAdditions(em, additions));
}
