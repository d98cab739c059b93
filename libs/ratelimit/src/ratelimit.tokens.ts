import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { RateLimitProvider } from './ratelimit.provider.js';

/** The injection token of a rate limiter: the abstract class, or a symbol of the instance's name. */
export function getRateLimitToken(name?: string): InjectionToken {
  return instanceToken('ratelimit', RateLimitProvider, name);
}

/** Injects a rate limiter by name. Without a name the type alone does: `constructor(limits: RateLimitProvider)`. */
export function InjectRateLimit(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getRateLimitToken(name));
}
