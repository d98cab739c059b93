import { createHash } from 'node:crypto';
import type { EntityManager, MikroORM } from '@mikro-orm/sql';
import { precondition, type DbPlace } from '../db.errors.js';
import type { OpenedOrm } from '../orm/open-orm.js';
import { SCHEMA_LOCK } from '../schema/auto-migrate.js';
import { ownershipTable, ROUTING_TABLES, shardSchema } from './shard-schema.js';
import { firstShardOf, SLOTS } from './slots.js';

/** A manager beside any running transaction. */
const aside = (orm: MikroORM): EntityManager => orm.em.fork({ disableContextResolution: true });

const ownSlots = (schema: string, slots: readonly number[]): string =>
  `insert into "${schema}".infra_owned_slots (slot) select unnest('{${slots.join(',')}}'::smallint[])`;

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
}

/** Where each shard is. Makes what is missing: the routing tables, new shards, their tables. One instance at a time. */
export async function setUpShards(wanted: Wanted): Promise<readonly ShardServer[]> {
  const [first] = wanted.servers;
  return aside(first.opened.orm).transactional(async (em) => {
    await em.execute('select pg_advisory_xact_lock(?)', [SCHEMA_LOCK]);
    for (const statement of ROUTING_TABLES) await em.execute(statement, [], 'run');
    const rows = await placeShards(em as EntityManager, wanted);
    const homes = rows.map(({ shard, server }) => homeOf(wanted, shard, server));
    await routeSlots(em as EntityManager, wanted);
    if (wanted.migrate) await makeTables(em as EntityManager, wanted, rows, homes);
    return homes;
  });
}

/** New shards go to the servers that have the fewest; those that exist stay where they are. */
async function placeShards(
  em: EntityManager,
  { place, servers, shards }: Wanted,
): Promise<readonly ShardRow[]> {
  const rows = await em.execute<ShardRow[]>(
    'select shard, server, template from infra_shards order by shard',
  );
  if (rows.length > shards)
    throw precondition(
      place,
      `sharding.shards is ${shards}, but ${rows.length} exist; shards are never taken away, move their slots instead`,
    );
  const placed = [...rows];
  for (let shard = rows.length; shard < shards; shard++) {
    const load = (name: string): number => placed.filter(({ server }) => server === name).length;
    const emptiest = servers.reduce((best, next) => (load(next.name) < load(best.name) ? next : best));
    placed.push({ shard, server: emptiest.name, template: '' });
    await em.execute('insert into infra_shards (shard, server) values (?, ?)', [shard, emptiest.name], 'run');
  }
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

async function routeSlots(em: EntityManager, { shards }: Wanted): Promise<void> {
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

/**
 * The tables of each shard, from one template: comparing each schema with the entities takes a second apiece, so a
 * shard whose template is the present one is left alone, and a new one is made by running the template.
 */
async function makeTables(
  em: EntityManager,
  { shards }: Wanted,
  rows: readonly ShardRow[],
  homes: readonly ShardServer[],
): Promise<void> {
  const owners = await em.execute<{ slot: number; shard: number }[]>(
    'select slot, shard from infra_shard_slots',
  );
  for (let index = 0; index < shards; index++) {
    const home = homes[index];
    const row = rows[index];
    if (home === undefined || row === undefined) continue;
    const { orm } = home.opened;
    const schema = shardSchema(index);
    const template = await orm.schema.getCreateSchemaSQL({ schema, wrap: false });
    const hash = createHash('sha256').update(template.replaceAll(schema, '')).digest('hex').slice(0, 16);
    if (row.template === hash) continue;
    await aside(orm).transactional(async (local) => {
      const [found] = await local.execute<{ made: boolean }[]>(`select to_regclass(?) is not null as made`, [
        `"${schema}".infra_owned_slots`,
      ]);
      const made = found?.made === true;
      const mine = owners.filter(({ shard }) => shard === index).map(({ slot }) => slot);
      const statements = made
        ? [await orm.schema.getUpdateSchemaSQL({ schema, safe: true, wrap: false })]
        : [
            `create schema if not exists "${schema}"`,
            template,
            ownershipTable(schema),
            ownSlots(schema, mine),
          ];
      for (const statement of statements)
        if (statement.trim() !== '') await local.execute(statement, [], 'run');
    });
    await em.execute('update infra_shards set template = ? where shard = ?', [hash, index], 'run');
  }
}
