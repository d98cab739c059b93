export {
  CacheConfig,
  CacheNearConfig,
  CacheSentinelConfig,
  CacheTlsConfig,
  defaultCacheConfig,
  type CacheOptions,
} from './cache.config.js';
export { CacheDecodeError } from './cache.errors.js';
export { CacheModule } from './cache.module.js';
export {
  CacheProvider,
  type CacheGetOrSetOptions,
  type CacheLoad,
  type CacheScripts,
  type CacheSetOptions,
  type CacheTtlOptions,
} from './cache.provider.js';
export type {
  CacheBlooms,
  CacheBloomShape,
  CacheHashes,
  CacheRankOptions,
  CacheScored,
  CacheSets,
  CacheSortedSetQuery,
  CacheSortedSetRange,
  CacheSortedSets,
} from './cache.structures.js';
export { Cacheable, type CacheableOptions } from './nest/cacheable.decorator.js';
export { CacheEvict, type CacheEvictOptions } from './nest/cache-evict.decorator.js';
export { CACHE_LABELS, CACHE_METRICS, CACHE_SCOPE } from './cache.telemetry.js';
export { getCacheToken, InjectCache } from './cache.tokens.js';
export { parseCacheConfig } from './parse-cache-config.js';
export { createCache } from './create-cache.js';
export type {
  CacheCapabilities,
  CacheDriver,
  DriverCall,
  DriverLimits,
  DriverNotices,
  DriverScanPage,
  DriverState,
  DriverTracking,
  DriverWrite,
  Encoded,
  TrackedValue,
  TrackingEvents,
  TrackingOptions,
} from './drivers/cache-driver.js';
export type {
  DriverRange,
  DriverRangeQuery,
  HashDriver,
  ScoredMember,
  SetDriver,
  SortedSetDriver,
} from './drivers/structure-drivers.js';
export {
  defineScript,
  type AtomicScript,
  type ScriptDefinition,
  type ScriptReply,
  type ScriptTwin,
  type ScriptView,
} from './scripts/atomic-script.js';
