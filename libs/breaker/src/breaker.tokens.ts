import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { BreakerProvider } from './breaker.provider.js';

/** The injection token of a breaker provider: the abstract class, or a symbol of the instance's name. */
export function getBreakerToken(name?: string): InjectionToken {
  return instanceToken('breaker', BreakerProvider, name);
}

/** Injects a provider by name: `@InjectBreaker('edge')`. Without a name the type alone does: `constructor(breakers: BreakerProvider)`. */
export function InjectBreaker(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getBreakerToken(name));
}
