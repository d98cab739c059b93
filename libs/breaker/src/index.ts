export {
  BreakerConfig,
  BreakerPolicyConfig,
  BreakerShareConfig,
  BreakerWindowConfig,
  defaultBreakerConfig,
  type BreakerOptions,
  type BreakerShareOptions,
} from './breaker.config.js';
export { BreakerOpenError, BreakerTimeoutError, BulkheadFullError } from './breaker.errors.js';
export { BreakerModule, type BreakerAsyncOptions } from './breaker.module.js';
export type { BreakerPolicy, BreakerPolicyOptions } from './breaker.policy.js';
export {
  BreakerProvider,
  type Breaker,
  type BreakerCallOptions,
  type BreakerChangeReason,
  type BreakerEvent,
  type BreakerSnapshot,
  type BreakerState,
} from './breaker.provider.js';
export { BREAKER_LABELS, BREAKER_METRICS, BREAKER_SCOPE, type BreakerOutcome } from './breaker.telemetry.js';
export { getBreakerToken, InjectBreaker } from './breaker.tokens.js';
export type { WindowShape } from './circuit/outcome-window.js';
export { createBreaker, type BreakerDeps } from './create-breaker.js';
export { CircuitBreaker } from './nest/circuit-breaker.decorator.js';
export type { CircuitBreakerOptions } from './nest/circuit-breaker.options.js';
export { parseBreakerConfig } from './parse-breaker-config.js';
