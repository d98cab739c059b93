export { createOnce, type OnceDependencies } from './create-once.js';
export { defaultOnceConfig, OnceConfig, type OnceConfigOptions } from './once.config.js';
export {
  OnceError,
  OnceInProgressError,
  OnceLeaseLostError,
  OnceMismatchError,
  OnceResultGoneError,
} from './once.errors.js';
export {
  OnceProvider,
  type OnceAddress,
  type OnceCall,
  type OnceOptions,
  type OnceRecord,
  type OnceResult,
  type OnceStoreKind,
} from './once.provider.js';
export { ONCE_LABELS, ONCE_METRICS, ONCE_SCOPE, type OnceReason } from './once.telemetry.js';
export { getOnceToken, InjectOnce } from './once.tokens.js';
export { OnceModule } from './once.module.js';
export { parseOnceConfig } from './parse-once-config.js';
export { ONCE_INDEX_SQL, ONCE_TABLE_SQL } from './store/db-store.js';
export { Idempotent } from './nest/idempotent.decorator.js';
export type { IdempotentOptions, OnceText } from './nest/uses.js';
