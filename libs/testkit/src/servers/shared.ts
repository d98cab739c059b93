import { placeOf, splitAddresses } from './address.js';
import { SERVERS } from './catalog.js';
import { redisNodeRecipe } from './redis.js';
import type { ServerAddress, ServerKind } from './running-server.js';
import type { ServerRecipe } from './server-recipe.js';

export interface SharedEtcd extends ServerAddress {
  /** Every endpoint; `url` is the first. */
  readonly endpoints: readonly string[];
}

type Addresses = readonly [ServerAddress, ...ServerAddress[]];

function addresses(kind: ServerKind): Addresses {
  return addressesIn(SERVERS[kind], kind);
}

function addressesIn(recipe: ServerRecipe, what: string): Addresses {
  const { kind } = recipe;
  const value = process.env[recipe.variable];
  if (value === undefined || value === '')
    throw new Error(`no shared ${what}: ${recipe.variable} is not set; run the suite with npm test`);
  const [first, ...others] = splitAddresses(value).map((url): ServerAddress => ({
    kind,
    url,
    ...placeOf(url, recipe.container.port),
  }));
  if (first === undefined) throw new Error(`${recipe.variable} names no address`);
  return [first, ...others];
}

/**
 * The run's one Redis, shared by all workers: keep to keys under a uniquePrefix(), never flush, never hurt it.
 * Throws when the run has none; a suite named *.redis.int-spec.ts is then left out by the runner.
 */
export function sharedRedis(): ServerAddress {
  return addresses('redis')[0];
}

export interface SharedRedisCluster {
  /** Every node, masters all. */
  readonly nodes: Addresses;
}

/** The run's one Redis Cluster, for suites named *.redis-cluster.int-spec.ts; the rules of sharedRedis(). */
export function sharedRedisCluster(): SharedRedisCluster {
  return { nodes: addressesIn(redisNodeRecipe, 'Redis Cluster') };
}

/** The run's one etcd; the rules of sharedRedis(). */
export function sharedEtcd(): SharedEtcd {
  const all = addresses('etcd');
  return { ...all[0], endpoints: all.map(({ url }) => url) };
}

/** The run's one PostgreSQL, by the url of its maintenance database: work in a database made by createDatabase(). */
export function sharedPostgres(): ServerAddress {
  return addresses('postgres')[0];
}

export interface SharedKafka extends ServerAddress {
  /** Every broker as host:port; `url` is the first. */
  readonly brokers: readonly string[];
}

/** The run's one Kafka: name topics, groups and transactional ids by uniqueName(). */
export function sharedKafka(): SharedKafka {
  const all = addresses('kafka');
  return { ...all[0], brokers: all.map(({ url }) => url) };
}

/** The run's one Elasticsearch: name indices under a uniquePrefix('x', '-'), and drop them by dropIndices(). */
export function sharedElasticsearch(): ServerAddress {
  return addresses('elasticsearch')[0];
}
