import { findBinary, USUAL_FOLDERS } from './find-binary.js';
import { askRedis } from './redis-command.js';
import type { ServerRecipe } from './server-recipe.js';

/** -NOAUTH is an answer too: a password is the business of whoever connects. */
function pings(url: string): Promise<boolean> {
  return askRedis(url, 'PING').then(
    (reply) => /^(\+PONG|-NOAUTH)/.test(reply),
    () => false,
  );
}

/** Without persistence. */
const SETTINGS = { save: '', appendonly: 'no', databases: '64' };

function flags(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/** Redis without persistence: what it held is gone after kill() or restart(), as in a cache that lost its node. */
export const redisRecipe: ServerRecipe = {
  kind: 'redis',
  variable: 'INFRA_TEST_REDIS_URL',
  startTimeoutMs: 15_000,
  url: (host, port) => `redis://${host}:${port}`,
  isReady: pings,
  native: {
    missing: 'there is no redis-server on PATH',
    find() {
      const binary = findBinary('redis-server', USUAL_FOLDERS);
      if (binary === undefined) return undefined;
      return {
        command: ({ port, folder }) => [
          binary,
          ...flags({ port: String(port), bind: '127.0.0.1', dir: folder, ...SETTINGS }),
        ],
      };
    },
  },
  container: { image: 'redis:7.0.15', port: 6379, command: ['redis-server', ...flags(SETTINGS)] },
};

/** How long a node of a cluster may be silent until the others call it failed, in milliseconds. */
const NODE_TIMEOUT_MS = 2_000;

/** What makes a Redis a node of a cluster of its own; it knows its slots and the others again after a restart. */
function clusterFlags(busPort: number): readonly string[] {
  return flags({
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': String(NODE_TIMEOUT_MS),
    'cluster-announce-ip': '127.0.0.1',
    'cluster-port': String(busPort),
  });
}

/** One node of a Redis Cluster, natively; `variable` names the whole cluster. */
export const redisNodeRecipe: ServerRecipe = {
  ...redisRecipe,
  variable: 'INFRA_TEST_REDIS_CLUSTER_NODES',
  native: {
    missing: redisRecipe.native.missing,
    find() {
      const single = redisRecipe.native.find();
      return single && { command: (place) => [...single.command(place), ...clusterFlags(place.peerPort)] };
    },
  },
};
