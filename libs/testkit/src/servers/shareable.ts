import { SERVER_KINDS, SERVERS } from './catalog.js';
import { acquire, launchSource, warmUp } from './launch.js';
import { redisNodeRecipe } from './redis.js';
import { acquireRedisCluster, type RedisCluster } from './redis-cluster.js';
import type { RunningServer, ServerKind } from './running-server.js';

/** What a run starts once for all suites that ask for it in their names. */
export interface Shareable {
  /** Which of the five it is one of, for INFRA_TEST_REQUIRE. */
  readonly kind: ServerKind;
  /** The environment variable that names one which is already there, and that suites read. */
  readonly variable: string;
  /** Why an own one cannot be launched, when source() is undefined. */
  readonly missing: string;
  /** As launchSource(). */
  source(): Promise<'container' | 'native' | undefined>;
  /** As warmUp(). */
  warmUp(): Promise<void>;
  /** The one at the address in the environment, else an own one. `url` is what `variable` is to hold. */
  acquire(): Promise<Pick<RunningServer | RedisCluster, 'source' | 'url' | 'version' | 'stop'>>;
}

function single(kind: ServerKind): Shareable {
  const { variable, native } = SERVERS[kind];
  return {
    kind,
    variable,
    missing: `no Docker engine answers and ${native.missing}`,
    source: () => launchSource(kind),
    warmUp: () => warmUp(kind),
    acquire: () => acquire(kind),
  };
}

/** By the name that a suite asks with: x.redis-cluster.int-spec.ts. */
export const SHAREABLE: ReadonlyMap<string, Shareable> = new Map([
  ...SERVER_KINDS.map((kind): [string, Shareable] => [kind, single(kind)]),
  [
    'redis-cluster',
    {
      kind: 'redis',
      variable: redisNodeRecipe.variable,
      missing: `a cluster is native, and ${redisNodeRecipe.native.missing}`,
      source: async () => (redisNodeRecipe.native.find() === undefined ? undefined : 'native'),
      warmUp: async () => {},
      acquire: acquireRedisCluster,
    },
  ],
]);
