import {
  contextStore,
  currentTraceId,
  deriveContext,
  remainingMs,
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
   */
  static run<T>(init: ContextInit, fn: () => T): T {
    return contextStore.run(deriveContext(contextStore.getStore(), init), fn);
  }

  static current(): Readonly<ContextData> | undefined {
    return contextStore.getStore();
  }

  /** Runs `fn` outside any context: for work that outlives the request that started it. */
  static detach<T>(fn: () => T): T {
    return contextStore.exit(fn);
  }

  static readonly traceId = currentTraceId;
  static readonly remainingMs = remainingMs;
  static readonly inject = injectContext;
  static readonly extract = extractContext;
}
