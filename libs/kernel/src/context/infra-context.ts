import {
  contextStore,
  currentTraceId,
  deriveContext,
  remainingIn,
  type ContextData,
  type ContextInit,
} from './context-store.js';
import { extractContext, injectContext } from './propagation.js';

/**
 * The ambient context of the work in progress: trace id, deadline, cancellation, attributes.
 * It follows awaits, timers and callbacks by AsyncLocalStorage, and costs no parameter.
 */
export class InfraContext {
  private constructor() {}

  /**
   * Runs `fn` in a context derived from the current one: the nearer deadline wins, either signal cancels,
   * attributes are merged, and a trace id is made when there is none. Returns what `fn` returns.
   * INVALID_ARGUMENT, before `fn`, for a deadline that is no time.
   */
  static run<T>(init: ContextInit, fn: () => T): T {
    return contextStore.run(deriveContext(contextStore.getStore(), init), fn);
  }

  static current(): Readonly<ContextData> | undefined {
    return contextStore.getStore();
  }

  /** Runs `fn` outside any context: for work that outlives the request that started it, as timers and loops do. */
  static detach<T>(fn: () => T): T {
    return contextStore.run(undefined, fn);
  }

  /** 32 hex digits: the active OpenTelemetry span's trace id, else the context's own. */
  static traceId(): string | undefined {
    return currentTraceId();
  }

  /** Milliseconds until the deadline: negative when it has passed, Infinity without one. */
  static remainingMs(): number {
    return remainingIn(contextStore.getStore());
  }

  /** Writes `traceparent`, `x-trace-id` and `x-deadline-ms` into headers, metadata or the like; returns the carrier. */
  static readonly inject = injectContext;
  /** Reads what `inject` wrote, as an `init` for `run`; what is not valid is left out. */
  static readonly extract = extractContext;
}
