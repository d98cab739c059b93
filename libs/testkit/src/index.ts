export { createDatabase, type OwnDatabase, type OwnDatabaseOptions } from './isolation/database.js';
export { dropIndices } from './isolation/indices.js';
export { freePort } from './process/free-port.js';
export { type PollOptions, until } from './process/poll.js';
export { isAlive } from './process/processes.js';
export {
  endWithThisProcess,
  knownProcess,
  type KnownProcess,
  type ProcessRecord,
  runsRoot,
} from './process/run-folder.js';
export { sweepLeftovers } from './process/sweep.js';
export {
  FaultProxy,
  type FaultProxyOptions,
  type ProxyCounts,
  type ProxyTarget,
} from './proxy/fault-proxy.js';
export { tlsFront, type TlsFront } from './proxy/tls-front.js';
export { SERVER_KINDS, SERVERS } from './servers/catalog.js';
export {
  acquire,
  launch,
  launchElasticsearch,
  launchEtcd,
  launchKafka,
  launchNatively,
  launchPostgres,
  launchRedis,
  launchSource,
  ServerUnavailableError,
  warmUp,
} from './servers/launch.js';
export { launchSecureKafka, type SecureKafka } from './servers/secure-kafka.js';
export { acquireRedisCluster, launchRedisCluster, type RedisCluster } from './servers/redis-cluster.js';
export type {
  LaunchOptions,
  RunningServer,
  ServerAddress,
  ServerKind,
  ServerSource,
} from './servers/running-server.js';
export { SHAREABLE, type Shareable } from './servers/shareable.js';
export type { ServerRecipe } from './servers/server-recipe.js';
export {
  type SharedEtcd,
  sharedElasticsearch,
  sharedEtcd,
  type SharedKafka,
  sharedKafka,
  sharedPostgres,
  sharedRedis,
  sharedRedisCluster,
  type SharedRedisCluster,
} from './servers/shared.js';
export { uniqueName, uniquePrefix } from './unique-prefix.js';
