export {
  defaultRateLimitConfig,
  RateLimitConfig,
  RateLimitLeaseConfig,
  RateLimitRuleConfig,
  type RateLimitHeaders,
  type RateLimitKey,
  type RateLimitOptions,
} from './ratelimit.config.js';
export { createRateLimit, type RateLimitDependencies } from './create-ratelimit.js';
export { LostPermitError, RateLimitExceededError } from './ratelimit.errors.js';
export {
  RateLimitProvider,
  type AllowOptions,
  type Decision,
  type OnStoreError,
  type Permit,
  type RateLimitAlgorithm,
  type RateLimitCheck,
  type RateLimitRule,
} from './ratelimit.provider.js';
export { RATELIMIT_LABELS, RATELIMIT_METRICS, RATELIMIT_SCOPE } from './ratelimit.telemetry.js';
export { getRateLimitToken, InjectRateLimit, INSTANCE_COUNT } from './ratelimit.tokens.js';
export { parseRateLimitConfig } from './parse-ratelimit-config.js';
export { RateLimitModule } from './ratelimit.module.js';
export { RateLimit, SkipRateLimit } from './nest/ratelimit.decorator.js';
export { RateLimitGuard } from './nest/ratelimit.guard.js';
export type { RateLimitUse } from './nest/uses.js';
export { withMessageIntake, type MessageIntake } from './nest/message-intake.js';
