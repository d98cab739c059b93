const PREFIX = 'shard_';
const SCHEMA = /^shard_(\d{4})$/;

/** The PostgreSQL schema of a shard. */
export function shardSchema(index: number): string {
  return `${PREFIX}${String(index).padStart(4, '0')}`;
}

/** The shard whose schema it is; undefined for any other. */
export function shardOfSchema(schema: string | undefined): number | undefined {
  const digits = SCHEMA.exec(schema ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Routes and places, on the first server. */
export const ROUTING_TABLES = [
  `create table if not exists infra_shards (
     shard smallint primary key, server text not null, template text not null default '')`,
  `create table if not exists infra_shard_slots (slot smallint primary key, shard smallint not null)`,
];

/** Which slots a shard has, in the shard itself: a writing transaction locks its row, and a move waits for it. */
export function ownershipTable(schema: string): string {
  return `create table if not exists "${schema}".infra_owned_slots (
     slot smallint primary key, moving boolean not null default false)`;
}
