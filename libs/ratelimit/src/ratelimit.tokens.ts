import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { RateLimitProvider } from './ratelimit.provider.js';

/**
 * Under this token an application may provide a function that says how many instances of its service there are now, 0 when
 * nobody knows: `fallbackRate` is one of as many. Asked for each decision while the store is away. InfraKitModule
 * provides it where coord is loaded.
 */
export const INSTANCE_COUNT: unique symbol = Symbol.for('infra-kit:ratelimit:instance-count');

/** The injection token of a rate limiter: the abstract class, or a symbol of the instance's name. */
export function getRateLimitToken(name?: string): InjectionToken {
  return instanceToken('ratelimit', RateLimitProvider, name);
}

/** Injects a rate limiter by name. Without a name the type alone does: `constructor(limits: RateLimitProvider)`. */
export function InjectRateLimit(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getRateLimitToken(name));
}
