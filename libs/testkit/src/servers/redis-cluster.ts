import { until } from '../process/poll.js';
import { AddressServer } from './address-server.js';
import { splitAddresses } from './address.js';
import { ServerUnavailableError } from './launch.js';
import { NativeServer } from './native-server.js';
import { redisNodeRecipe } from './redis.js';
import { askRedis } from './redis-command.js';
import type { LaunchOptions, RunningServer, ServerSource } from './running-server.js';

const SLOTS = 16_384;
const MASTERS = 3;
/** A node that comes back waits some seconds before it takes clients, and the others forgive it as slowly. */
const WHOLE_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;

/**
 * Redis Cluster: three masters that share the slots, without replicas, so that the slots of a dead one are served by
 * nobody until it is restarted. Needs Redis 7 or newer.
 */
export interface RedisCluster {
  readonly source: ServerSource;
  readonly version: undefined;
  /** Those of all nodes, divided by commas, as INFRA_TEST_REDIS_CLUSTER_NODES holds them. */
  readonly url: string;
  /** To be stopped, killed and restarted each on its own: its slots and its port are kept, its keys are not. */
  readonly nodes: readonly RunningServer[];
  /** Resolves once every node sees every slot served: after restart() of a node that takes a few seconds. */
  whole(): Promise<void>;
  /** Ends all nodes, and removes their data. Harmless when repeated. */
  stop(): Promise<void>;
}

function clusterOf(nodes: readonly RunningServer[], source: ServerSource): RedisCluster {
  return {
    source,
    version: undefined,
    url: nodes.map(({ url }) => url).join(','),
    nodes,
    async whole() {
      await until('the Redis Cluster serves all slots', () => isWhole(nodes), {
        deadlineMs: WHOLE_WITHIN_MS,
        everyMs: LOOK_EVERY_MS,
      });
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

async function isWhole(nodes: readonly RunningServer[]): Promise<boolean> {
  const answers = await Promise.all(nodes.map(({ url }) => askRedis(url, 'CLUSTER INFO')));
  const wanted = [`cluster_state:ok`, `cluster_slots_ok:${SLOTS}`, `cluster_known_nodes:${nodes.length}`];
  return answers.every((info) => wanted.every((line) => info.includes(`${line}\r\n`)));
}

/** What redis-cli --cluster create does: an epoch and a share of the slots to each, then they are introduced. */
async function join(nodes: readonly NativeServer[]): Promise<void> {
  for (const [at, { url }] of nodes.entries()) {
    await order(url, `CLUSTER SET-CONFIG-EPOCH ${at + 1}`);
    const [first, next] = [at, at + 1].map((share) => Math.floor((share * SLOTS) / nodes.length));
    await order(url, `CLUSTER ADDSLOTSRANGE ${first} ${Number(next) - 1}`);
  }
  const [one, ...others] = nodes;
  for (const { host, port, peerPort } of others)
    await order(one?.url ?? '', `CLUSTER MEET ${host} ${port} ${peerPort}`);
}

async function order(url: string, command: string): Promise<void> {
  const reply = await askRedis(url, command);
  if (!reply.startsWith('+OK')) throw new Error(`${command}: ${reply.trim()}`);
}

/**
 * A Redis Cluster of the caller's own, that may be hurt. Always native: nodes in containers would send clients to addresses
 * of the containers' network. `args` are given to every node: ['--cluster-require-full-coverage', 'no'].
 * Rejects with ServerUnavailableError when this machine has no redis-server.
 */
export async function launchRedisCluster(options: Pick<LaunchOptions, 'args'> = {}): Promise<RedisCluster> {
  const program = redisNodeRecipe.native.find();
  if (program === undefined)
    throw new ServerUnavailableError(
      `no Redis Cluster: ${redisNodeRecipe.native.missing}; run tools/testbed-install.sh`,
    );
  const launching = Array.from({ length: MASTERS }, () =>
    NativeServer.launch(redisNodeRecipe, program, options),
  );
  const launched = await Promise.allSettled(launching);
  const nodes = launched.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const cluster = clusterOf(nodes, 'native');
  try {
    await Promise.all(launching);
    await join(nodes);
    await cluster.whole();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** A Redis Cluster to be shared: the one whose nodes are in INFRA_TEST_REDIS_CLUSTER_NODES, else as launchRedisCluster(). */
export async function acquireRedisCluster(): Promise<RedisCluster> {
  const value = process.env[redisNodeRecipe.variable];
  if (value === undefined || value === '') return launchRedisCluster();
  const urls = splitAddresses(value);
  return clusterOf(
    await Promise.all(urls.map((url) => AddressServer.connect(redisNodeRecipe, url))),
    'address',
  );
}
