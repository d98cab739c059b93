import type { BreakerPolicyOptions } from '../breaker.policy.js';

export interface CircuitBreakerOptions {
  /** The breaker's name. Methods with one name share one breaker. */
  readonly name: string;
  /** Answers in place of the method: a method of the same class, `(...args, error)`, or a function, `(error, ...args)`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the arguments are those of whatever method it stands on
  readonly fallback?: string | ((error: any, ...args: any[]) => unknown) | undefined;
  /**
   * What `get(name, policy)` is given, once, when the application starts. Default: what the configuration says of the
   * name. Methods with one name have one policy: two that differ are refused at the start.
   */
  readonly policy?: BreakerPolicyOptions | undefined;
  /** The instance of the component; default: the default one. */
  readonly provider?: string | undefined;
}
