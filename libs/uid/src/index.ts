export { UidProvider, type SnowflakeParts, type UuidV7Parts } from './uid.provider.js';
export {
  defaultUidConfig,
  resolveUidConfig,
  UidConfig,
  type UidOptions,
  type UidPlace,
} from './uid.config.js';
export { createUid, type UidDependencies, type UidDeps } from './create-uid.js';
export { UidModule } from './uid.module.js';
export { getUidToken, InjectUid } from './uid.tokens.js';
export { ClockRollbackError, UidLeaseLostError } from './uid.errors.js';

export { WorkerIdSource, type WorkerIdLease, type WorkerIdOptions } from './worker-id-source.js';
export { FixedWorkerIdSource } from './instance-id/fixed-worker-id.source.js';
export { RandomWorkerIdSource } from './instance-id/random-worker-id.source.js';

export {
  UID_CLOCK_ROLLBACKS,
  UID_LEASES_LOST,
  UID_MARK_FAILURES,
  UID_SCOPE,
  UID_SEQUENCE_WAITS,
} from './uid.telemetry.js';
