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
export { getRateLimitToken, InjectRateLimit } from './ratelimit.tokens.js';
export { parseRateLimitConfig } from './parse-ratelimit-config.js';
