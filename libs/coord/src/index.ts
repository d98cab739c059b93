export {
  CoordConfig,
  CoordKeepAliveConfig,
  CoordTlsConfig,
  defaultCoordConfig,
  type CoordOptions,
} from './coord.config.js';
export {
  ConfigCenter,
  type BindOptions,
  type ConfigEntry,
  type ConfigEvent,
  type ConfigHandle,
  type ConfigHistoryEntry,
  type ConfigHistoryOptions,
  type ConfigOrigin,
  type ConfigValue,
  type ConfigWatchOptions,
  type ConfigWriteOptions,
} from './configuration/config-center.js';
export type { StoredConfigStatus } from './configuration/config-status.js';
export { CoordModule } from './coord.module.js';
export { CoordProvider } from './coord.provider.js';
export { COORD_LABELS, COORD_METRICS, COORD_SCOPE } from './coord.telemetry.js';
export { getCoordToken, InjectCoord } from './coord.tokens.js';
export { createCoord } from './create-coord.js';
export type {
  Compare,
  CoordDriver,
  DriverCall,
  DriverState,
  GrantedLease,
  KeyRange,
  KeyValue,
  OpResult,
  RangeQuery,
  RangeResult,
  Txn,
  TxnOp,
  TxnResult,
  WatchEvent,
  WatchListener,
  WatchSignal,
} from './drivers/coord-driver.js';
export { MemoryCoordDriver, type MemoryCoordDriverOptions } from './drivers/memory/memory.driver.js';
export { MemoryCoordStore, type MemoryStoreOptions } from './drivers/memory/memory-store.js';
export type { CampaignOptions, Elections, Leadership, ObserveOptions } from './elections/elections.js';
export type {
  InstanceIdAllocator,
  InstanceIdOptions,
  WorkerIdLease,
} from './instance-ids/instance-id-allocator.js';
export type { CoordLocks, GuardedOp, GuardedResult } from './locks/coord-locks.js';
export { parseCoordConfig } from './parse-coord-config.js';
export type { PickStrategy } from './registry/picker.js';
export type { ServiceInstance } from './registry/service-instance.js';
export {
  ServiceRegistry,
  type PickedInstance,
  type PickServiceOptions,
  type RegisterOptions,
  type Registration,
  type WatchServiceOptions,
} from './registry/service-registry.js';
