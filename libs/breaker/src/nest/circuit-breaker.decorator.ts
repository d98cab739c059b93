import {
  decorateMethod,
  InfraContext,
  InfraError,
  type AsyncMethodDecorator,
  type MethodCall,
} from '@infra-kit/kernel';
import { defer, isObservable } from 'rxjs';
import type { Breaker, BreakerProvider } from '../breaker.provider.js';
import { getBreakerToken } from '../breaker.tokens.js';
import { breakerFor } from './breaker-for.js';
import type { CircuitBreakerOptions } from './circuit-breaker.options.js';
import { remember } from './decorated-methods.js';
import { guardStream } from './guard-stream.js';

type Fallback = (error: unknown) => unknown;

/**
 * Puts a breaker before a method of any provider that returns a promise or an Observable (declare that type: an Observable
 * counts by its first error or its completion, a subscriber who leaves as a cancelled call). Under a time limit the method
 * runs in an `InfraContext` whose signal aborts with it. An unknown fallback method or a bad policy fails the start.
 */
export function CircuitBreaker(options: string | CircuitBreakerOptions): AsyncMethodDecorator {
  const settled = typeof options === 'string' ? { name: options } : options;
  const decorate = decorateMethod<BreakerProvider>({
    decorator: '@CircuitBreaker',
    token: getBreakerToken(settled.provider),
    around: (call) => guard(call, settled),
  });
  return (target, key, descriptor) => {
    decorate(target, key, descriptor);
    remember(target, key, settled);
  };
}

/** What is wrong (the application has closed, say) comes as the method's own errors do: by promise or Observable. */
function guard(call: MethodCall<BreakerProvider>, options: CircuitBreakerOptions): unknown {
  if (call.streams)
    return defer(() =>
      guardStream(
        breakerFor(call.provider, options),
        (signal) => inContext(signal, call),
        insteadOf(call, options),
      ),
    );
  try {
    return guardPromise(breakerFor(call.provider, options), call, insteadOf(call, options));
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

function guardPromise(
  breaker: Breaker,
  call: MethodCall<BreakerProvider>,
  instead: Fallback | undefined,
): Promise<unknown> {
  // no declared parameter: without a time limit nobody needs a signal, and none is made
  const run = (...[signal]: AbortSignal[]): Promise<unknown> => {
    const answer = inContext(signal, call);
    if (!isObservable(answer)) return answer as Promise<unknown>;
    throw new InfraError(
      'FAILED_PRECONDITION',
      `@CircuitBreaker on ${String(call.key)}: it returns an Observable; declare that as its return type`,
      { component: 'breaker' },
    );
  };
  return breaker.execute(run, instead && { fallback: instead });
}

function inContext(signal: AbortSignal | undefined, call: MethodCall<BreakerProvider>): unknown {
  return signal === undefined ? call.proceed() : InfraContext.run({ signal }, () => call.proceed());
}

function insteadOf(
  { self, args, key }: MethodCall<BreakerProvider>,
  { fallback }: CircuitBreakerOptions,
): Fallback | undefined {
  if (fallback === undefined) return undefined;
  if (typeof fallback === 'function')
    return (error) => Reflect.apply(fallback, self, [error, ...args]) as unknown;
  const method: unknown = Reflect.get(self, fallback);
  if (typeof method !== 'function') throw unknownFallback(String(key), fallback);
  return (error) => Reflect.apply(method, self, [...args, error]) as unknown;
}

export function unknownFallback(method: string, fallback: string): InfraError {
  return new InfraError(
    'INVALID_ARGUMENT',
    `@CircuitBreaker on ${method}: fallback '${fallback}' is no method of the class; correct the name`,
    { component: 'breaker' },
  );
}

/** It would ask itself for ever, without a turn for anything else. */
export function selfFallback(method: string): InfraError {
  return new InfraError(
    'INVALID_ARGUMENT',
    `@CircuitBreaker on ${method}: its fallback is the method itself; name another`,
    { component: 'breaker' },
  );
}

export function twoPolicies(name: string, one: string, other: string): InfraError {
  return new InfraError(
    'INVALID_ARGUMENT',
    `@CircuitBreaker on ${one} and on ${other}: '${name}' has two different policies; give it one, or take two names`,
    { component: 'breaker' },
  );
}
