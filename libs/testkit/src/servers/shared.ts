import { placeOf, splitAddresses } from './address.js';
import { SERVERS } from './catalog.js';
import type { ServerAddress, ServerKind } from './running-server.js';

export interface SharedEtcd extends ServerAddress {
  /** Every endpoint; `url` is the first. */
  readonly endpoints: readonly string[];
}

function addresses(kind: ServerKind): readonly [ServerAddress, ...ServerAddress[]] {
  const recipe = SERVERS[kind];
  const value = process.env[recipe.variable];
  if (value === undefined || value === '')
    throw new Error(`no shared ${kind}: ${recipe.variable} is not set; run the suite with npm test`);
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
