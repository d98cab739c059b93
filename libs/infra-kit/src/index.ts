export { InfraKitModule } from './infra-kit.module.js';
export type {
  InfraKitAsyncOptions,
  InfraKitBase,
  InfraKitEntry,
  InfraKitOptions,
  InfraKitResult,
} from './config/options.js';
export { HealthSettings, HttpSettings, ShutdownSettings } from './config/infra-kit.config.js';
export { createInfraApp } from './app/create-infra-app.js';
export type { InfraAppOptions } from './app/infra-app-options.js';
export type { AdapterChoice } from './app/http-adapter.js';
export { RequestHooks, type RequestHook } from './http/request-hooks.js';

// one import serves: what a service needs of each component
export {
  Clock,
  ConfigError,
  ConfigSource,
  HealthRegistry,
  InfraContext,
  InfraError,
  InfraExceptionFilter,
  isConfigError,
  isInfraError,
  LockLostError,
  Logger,
  parseDuration,
  ReloadRegistry,
  ResourceStack,
  withDeadline,
  type CallOptions,
  type ContextData,
  type ContextInit,
  type HealthReport,
  type HealthStatus,
  type InfraErrorCode,
  type InfraErrorOptions,
  type Lock,
  type LockOptions,
  type LockService,
  type Phase,
  type ProblemDetails,
  type Resource,
} from '@infra-kit/kernel';
export {
  ClogConfig,
  type ClogOptions,
  ClogLogger,
  ClogModule,
  ClogNestLogger,
  ClogProvider,
  createClog,
  defaultClogConfig,
  getClogToken,
  InjectClog,
  type LogLevel,
} from '@infra-kit/clog';
export {
  ClockRollbackError,
  createUid,
  defaultUidConfig,
  FixedWorkerIdSource,
  getUidToken,
  InjectUid,
  RandomWorkerIdSource,
  UidConfig,
  UidLeaseLostError,
  UidModule,
  UidProvider,
  WorkerIdSource,
  type SnowflakeParts,
  type UidOptions,
  type UuidV7Parts,
  type WorkerIdLease,
} from '@infra-kit/uid';
export {
  CacheConfig,
  CacheDecodeError,
  CacheModule,
  CacheProvider,
  createCache,
  defaultCacheConfig,
  defineScript,
  getCacheToken,
  InjectCache,
  type AtomicScript,
  type CacheGetOrSetOptions,
  type CacheLoad,
  type CacheOptions,
  type CacheScripts,
  type CacheSetOptions,
} from '@infra-kit/cache';
