import { abortError, InfraContext, SystemClock, type CallOptions, type Clock } from '@infra-kit/kernel';

const realTime = new SystemClock();

/** What the limits of a call say when they strike. */
export interface LimitErrors {
  /** For messages, as `breaker(payment).execute`. */
  readonly operation: string;
  readonly timedOut: (limitMs: number) => Error;
}

/**
 * The limits of one call: the nearest of its own time, the policy's and the ambient deadline; the caller's signal and the
 * ambient one. Made for one call and used once: a controller that was aborted would kill the calls after it.
 */
export class CallLimit {
  readonly #signals: readonly AbortSignal[];
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #errors: LimitErrors;
  #timedOut = false;

  constructor(
    options: CallOptions | undefined,
    policyMs: number | undefined,
    { clock, errors }: { readonly clock: Clock; readonly errors: LimitErrors },
  ) {
    const own = Math.min(options?.timeoutMs ?? Infinity, policyMs ?? Infinity);
    const context = InfraContext.current();
    const ambient = context?.deadline === undefined ? Infinity : InfraContext.remainingMs();
    this.#ms = Math.min(own, ambient);
    // the ambient deadline is one of real time, whatever clock the component lives by
    this.#clock = ambient < own ? realTime : clock;
    this.#signals = [options?.signal, context?.signal].filter((signal) => signal !== undefined);
    this.#errors = errors;
  }

  /** True when its time ran out, not the caller's patience. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** True when one of the caller's signals has aborted. */
  get cancelled(): boolean {
    return !this.#timedOut && this.#signals.some((signal) => signal.aborted);
  }

  /** Why the call must not begin at all. */
  before(): Error | undefined {
    if (this.cancelled) return this.#cancellation();
    return this.#ms > 0 ? undefined : this.#errors.timedOut(this.#ms);
  }

  /** Calls `fn`, and rejects on time although it may never settle; its signal aborts then. */
  run<T>(fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#ms < Infinity || this.#signals.length > 0) return this.#limited(fn);
    return fn.length === 0 ? withoutSignal(fn) : fn(new AbortController().signal);
  }

  async #limited<T>(fn: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limited = this.#ms < Infinity;
    const controller = limited || fn.length > 0 ? new AbortController() : undefined;
    const cut = Promise.withResolvers<never>();
    const end = (error: Error): void => {
      cut.reject(error);
      controller?.abort(error);
    };
    const onAbort = (): void => end(this.#cancellation());
    const onTime = (): void => {
      this.#timedOut = true;
      end(this.#errors.timedOut(this.#ms));
    };
    for (const signal of this.#signals) signal.addEventListener('abort', onAbort, { once: true });
    const timer = limited ? this.#clock.setTimeout(onTime, this.#ms) : undefined;
    try {
      return await Promise.race([controller ? fn(controller.signal) : withoutSignal(fn), cut.promise]);
    } finally {
      timer?.[Symbol.dispose]();
      for (const signal of this.#signals) signal.removeEventListener('abort', onAbort);
    }
  }

  #cancellation(): Error {
    return abortError(this.#errors.operation, this.#signals.find((signal) => signal.aborted)?.reason);
  }
}

/** A function that declares no parameter has no use for a signal, and its call none for a controller. */
export function withoutSignal<T>(fn: (signal: AbortSignal) => T): T {
  return (fn as () => T)();
}
