import { SERVERS } from './catalog.js';
import type { ServerAddress, ServerKind } from './running-server.js';

export interface SharedEtcd extends ServerAddress {
  /** Every endpoint; `url` is the first. */
  readonly endpoints: readonly string[];
}

/** Addresses are divided by commas; a comma inside one (a password) is no division. */
export function splitAddresses(value: string): string[] {
  return value.split(/,(?=\s*[a-z]+:\/\/)/).map((part) => part.trim());
}

function addresses(kind: ServerKind): readonly [ServerAddress, ...ServerAddress[]] {
  const recipe = SERVERS[kind];
  const value = recipe === undefined ? undefined : process.env[recipe.variable];
  if (recipe === undefined || value === undefined || value === '')
    throw new Error(
      `no shared ${kind}: ${recipe?.variable ?? 'its address'} is not set; run the suite with npm test`,
    );
  const [first, ...others] = splitAddresses(value).map((url): ServerAddress => {
    const { hostname, port } = new URL(url);
    return { kind, url, host: hostname, port: Number(port || recipe.container.port) };
  });
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
