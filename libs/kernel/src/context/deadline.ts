import { clearImmediate, setImmediate } from 'node:timers'; // the real ones, whatever a test does to the globals
import { InfraError, isInfraError } from '../errors/infra-error.js';
import type { CallOptions } from './call-options.js';
import { contextStore, remainingIn } from './context-store.js';

/** Node runs longer timers at once; a limit beyond it (24.8 days) is no limit. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
const OPERATION = /^([\w-]+)(?:\(([^)]*)\))?/;

function refusal(code: InfraError['code'], operation: string, what: string, cause?: unknown): InfraError {
  const [, component, instance] = OPERATION.exec(operation) ?? [];
  return new InfraError(code, `${operation}: ${what}`, { component, instance, cause });
}

function deadlineExceeded(operation: string, limitMs: number): InfraError {
  const what =
    limitMs > 0
      ? `no answer within ${Math.round(limitMs)} ms; raise timeoutMs or look at the server's health`
      : 'the deadline had passed before the call';
  return refusal('DEADLINE_EXCEEDED', operation, what);
}

/** What an abort means to the caller: a deadline that passed further out stays one, everything else is a cancellation. */
export function abortError(operation: string, reason: unknown): InfraError {
  const timedOut =
    (isInfraError(reason) && reason.code === 'DEADLINE_EXCEEDED') ||
    Reflect.get(Object(reason), 'name') === 'TimeoutError';
  return timedOut
    ? refusal('DEADLINE_EXCEEDED', operation, "the caller's deadline has passed", reason)
    : refusal('CANCELLED', operation, 'cancelled by the caller', reason);
}

function ownLimit(options: CallOptions | undefined, operation: string): number {
  const own = options?.timeoutMs ?? Infinity;
  if (typeof own === 'number' && own >= 0) return own;
  throw refusal('INVALID_ARGUMENT', operation, `timeoutMs must be milliseconds ≥ 0, got ${String(own)}`);
}

/** Any object that behaves as one will do. */
const isSignal = (value: unknown): value is AbortSignal =>
  typeof value === 'object' &&
  value !== null &&
  typeof Reflect.get(value, 'aborted') === 'boolean' &&
  typeof Reflect.get(value, 'addEventListener') === 'function';

function ownSignal(options: CallOptions | undefined, operation: string): AbortSignal | undefined {
  const own: unknown = options?.signal;
  if (own === undefined || isSignal(own)) return own;
  const got = own === null ? 'null' : typeof own;
  throw refusal('INVALID_ARGUMENT', operation, `signal must be an AbortSignal, got ${got}`);
}

/**
 * Runs `fn` under the nearest of three limits: `options.timeoutMs`, the context's deadline, `defaultMs` (Infinity: none),
 * and under both signals. Rejects on time with `DEADLINE_EXCEEDED` or `CANCELLED` although `fn` may never settle;
 * the signal given to `fn`, its own, aborts then. An error of `fn` comes out as it is. `fn` is not called when the limit
 * has passed already. Timer and listeners are gone when it settles.
 * @param operation `component.method` or `component(instance).method`, for the message.
 */
export function withDeadline<T>(
  options: CallOptions | undefined,
  defaultMs: number,
  operation: string,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    const context = contextStore.getStore();
    const limitMs = Math.min(ownLimit(options, operation), defaultMs, remainingIn(context));
    const own = ownSignal(options, operation);
    const ambient = context?.signal;
    if (own === undefined && ambient === undefined && limitMs > LONGEST_TIMER_MS)
      return fn(new AbortController().signal);
    return limited(
      limitMs,
      [own, ambient].filter((signal) => signal !== undefined),
      operation,
      fn,
    );
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

async function limited<T>(
  limitMs: number,
  signals: readonly AbortSignal[],
  operation: string,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const aborted = (): AbortSignal | undefined => signals.find((signal) => signal.aborted);
  const before = aborted();
  if (before) throw abortError(operation, before.reason);
  if (limitMs <= 0) throw deadlineExceeded(operation, limitMs);

  const controller = new AbortController();
  const cut = Promise.withResolvers<never>();
  const end = (error: InfraError): void => {
    cut.reject(error);
    controller.abort(error);
  };
  const onAbort = (): void => end(abortError(operation, aborted()?.reason));
  for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
  // A process that stood still finds timers and answers due in one turn, timers first: what has come is read before.
  let expiry: NodeJS.Immediate | undefined;
  const expire = (): void => {
    expiry = setImmediate(() => end(deadlineExceeded(operation, limitMs)));
  };
  const timer = limitMs > LONGEST_TIMER_MS ? undefined : setTimeout(expire, limitMs);
  const running = new Promise<T>((resolve) => resolve(fn(controller.signal))); // an error thrown at once rejects
  try {
    return await Promise.race([running, cut.promise]);
  } finally {
    clearTimeout(timer);
    clearImmediate(expiry);
    for (const signal of signals) signal.removeEventListener('abort', onAbort);
  }
}
