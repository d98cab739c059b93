export { freePort } from './process/free-port.js';
export { type PollOptions, until } from './process/poll.js';
export { isAlive } from './process/processes.js';
export type { ProcessRecord } from './process/run-folder.js';
export { sweepLeftovers } from './process/sweep.js';
export { FaultProxy, type ProxyCounts, type ProxyTarget } from './proxy/fault-proxy.js';
export { SERVER_KINDS, SERVERS } from './servers/catalog.js';
export {
  acquire,
  launch,
  launchEtcd,
  launchRedis,
  launchSource,
  ServerUnavailableError,
} from './servers/launch.js';
export type {
  LaunchOptions,
  RunningServer,
  ServerAddress,
  ServerKind,
  ServerSource,
} from './servers/running-server.js';
export type { ServerRecipe } from './servers/server-recipe.js';
export { type SharedEtcd, sharedEtcd, sharedRedis } from './servers/shared.js';
export { uniquePrefix } from './unique-prefix.js';
