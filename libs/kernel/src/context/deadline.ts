import { InfraError, isInfraError } from '../errors/infra-error.js';
import type { CallOptions } from './call-options.js';
import { contextStore, remainingMs } from './context-store.js';

/** Node clamps longer timers to 1 ms; a limit beyond it (24.8 days) is no limit. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const NEVER = new AbortController().signal;
const OPERATION = /^([\w-]+)(?:\(([^)]*)\))?/;

function place(operation: string): { component: string | undefined; instance: string | undefined } {
  const [, component, instance] = OPERATION.exec(operation) ?? [];
  return { component, instance };
}

function deadlineExceeded(operation: string, limitMs: number): InfraError {
  const message = `${operation}: no answer within ${Math.max(0, Math.round(limitMs))} ms; raise timeoutMs or look at the server's health`;
  return new InfraError('DEADLINE_EXCEEDED', message, place(operation));
}

/** What an abort means to the caller: a deadline that passed further out stays one, everything else is a cancellation. */
export function abortError(operation: string, reason: unknown): InfraError {
  const timedOut =
    (isInfraError(reason) && reason.code === 'DEADLINE_EXCEEDED') ||
    (reason instanceof Error && reason.name === 'TimeoutError');
  const code = timedOut ? 'DEADLINE_EXCEEDED' : 'CANCELLED';
  const message = timedOut
    ? `${operation}: the caller's deadline has passed`
    : `${operation}: cancelled by the caller`;
  return new InfraError(code, message, { ...place(operation), cause: reason });
}

function limitOf(options: CallOptions | undefined, defaultMs: number, operation: string): number {
  const own = options?.timeoutMs;
  if (own === undefined) return Math.min(defaultMs, remainingMs());
  if (typeof own !== 'number' || Number.isNaN(own) || own < 0)
    throw new InfraError(
      'INVALID_ARGUMENT',
      `${operation}: timeoutMs must be milliseconds ≥ 0, got ${String(own)}`,
      place(operation),
    );
  return Math.min(own, defaultMs, remainingMs());
}

/**
 * Runs `fn` under the nearest of three limits: `options.timeoutMs`, the context's deadline, `defaultMs` (Infinity: none),
 * and under both signals. Rejects on time with `DEADLINE_EXCEEDED` or `CANCELLED` although `fn` may never settle;
 * the signal given to `fn` aborts then. An error of `fn` comes out as it is. Timer and listeners are gone when it settles.
 * When nothing limits the call the signal is one shared object: remove listeners that you add to it.
 * @param operation `component.method` or `component(instance).method`, for the message.
 */
export function withDeadline<T>(
  options: CallOptions | undefined,
  defaultMs: number,
  operation: string,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  let limitMs: number;
  try {
    limitMs = limitOf(options, defaultMs, operation);
    const ambient = contextStore.getStore()?.signal;
    if (limitMs >= LONGEST_TIMER_MS && options?.signal === undefined && ambient === undefined)
      return fn(NEVER);
    return limited(limitMs, [options?.signal, ambient], operation, fn);
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

function limited<T>(
  limitMs: number,
  signals: readonly (AbortSignal | undefined)[],
  operation: string,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const aborted = signals.find((signal) => signal?.aborted);
  if (aborted) return Promise.reject(abortError(operation, aborted.reason));
  if (limitMs <= 0) return Promise.reject(deadlineExceeded(operation, limitMs));

  return new Promise<T>((resolve, reject) => {
    const controller = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      for (const [signal, listener] of attached) signal.removeEventListener('abort', listener);
    };
    const end = (error: InfraError): void => {
      settle();
      reject(error);
      controller.abort(error);
    };
    const attached = signals.flatMap((signal) => {
      if (signal === undefined) return [];
      const listener = (): void => end(abortError(operation, signal.reason));
      signal.addEventListener('abort', listener, { once: true });
      return [[signal, listener] as const];
    });
    if (limitMs < LONGEST_TIMER_MS)
      timer = setTimeout(() => end(deadlineExceeded(operation, limitMs)), limitMs);
    let running: Promise<T>;
    try {
      running = fn(controller.signal);
    } catch (error) {
      settle();
      reject(error as Error);
      return;
    }
    running.then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error as Error);
      },
    );
  });
}
