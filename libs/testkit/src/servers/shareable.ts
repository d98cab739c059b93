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
  /** Why it cannot be launched from what is installed here; undefined when it can. Starts nothing. */
  missingNatively(): string | undefined;
  /** As launchSource(). */
  source(): Promise<'container' | 'native' | undefined>;
  /** As warmUp(). */
  warmUp(): Promise<void>;
  /** The one at the address in the environment, else an own one. `url` is what `variable` is to hold. */
  acquire(): Promise<Pick<RunningServer | RedisCluster, 'source' | 'url' | 'version' | 'stop'>>;
}

const node = redisNodeRecipe.native;
const clusterMissing = (): string | undefined => (node.find() === undefined ? node.missing : undefined);

function single(kind: ServerKind): Shareable {
  const { variable, native } = SERVERS[kind];
  return {
    kind,
    variable,
    missing: `no Docker engine answers and ${native.missing}`,
    missingNatively: () => (native.find() === undefined ? native.missing : undefined),
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
      missing: `a cluster is native, and ${node.missing}`,
      missingNatively: clusterMissing,
      source: async () => (clusterMissing() === undefined ? 'native' : undefined),
      warmUp: async () => {},
      acquire: acquireRedisCluster,
    },
  ],
]);
