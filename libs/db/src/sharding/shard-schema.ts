/** The PostgreSQL schema of a shard. */
export function shardSchema(index: number): string {
  return `shard_${String(index).padStart(4, '0')}`;
}

/** Routes and places, on the first server. */
export const ROUTING_TABLES = [
  `create table if not exists infra_shards (
     shard smallint primary key, server text not null, template text not null default '')`,
  `create sequence if not exists infra_shard_versions`,
  `create table if not exists infra_shard_slots (
     slot smallint primary key, shard smallint not null,
     version bigint not null default nextval('infra_shard_versions'))`,
  `create index if not exists infra_shard_slots_version on infra_shard_slots (version)`,
];

/** Which slots a shard has, in the shard itself: a writing transaction locks its row, and a move waits for it. */
export function ownershipTable(schema: string): string {
  return `create table if not exists "${schema}".infra_owned_slots (
     slot smallint primary key, moving boolean not null default false)`;
}
