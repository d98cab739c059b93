export {
  BurstConfig,
  ClogConfig,
  type ClogOptions,
  defaultClogConfig,
  HttpLogConfig,
  RotationConfig,
  settleClogConfig,
} from './clog.config.js';
export { ClogModule } from './clog.module.js';
export { ClogLogger, ClogProvider } from './clog.provider.js';
export {
  CLOG_INSTANCE_LABEL,
  CLOG_LINES_CUT,
  CLOG_LINES_DIVERTED,
  CLOG_LINES_SUPPRESSED,
  CLOG_ROTATIONS,
  CLOG_SCOPE,
} from './clog.telemetry.js';
export { getClogToken, InjectClog } from './clog.tokens.js';
export { createClog, type ClogDeps } from './default-clog.provider.js';
export { LOG_LEVELS, type LogLevel } from './levels/log-level.js';
export { DEFAULT_REDACT, REDACTED } from './line/key-rules.js';
export { REQUEST_ID_ATTRIBUTE } from './line/trace-fields.js';
export { ClogNestLogger } from './nest/clog-nest-logger.js';
export { REQUEST_ID_HEADER } from './nest/request-id.js';
