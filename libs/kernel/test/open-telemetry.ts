import { AsyncLocalStorage } from 'node:async_hooks';
import {
  context,
  ROOT_CONTEXT,
  trace,
  TraceFlags,
  type Context,
  type ContextManager,
} from '@opentelemetry/api';

/** What an installed SDK brings, so that a span can be active; the API alone has no context. */
class AsyncContext implements ContextManager {
  readonly #store = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#store.getStore() ?? ROOT_CONTEXT;
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#store.run(active, () => fn.call(self, ...args));
  }
  bind<T>(_active: Context, target: T): T {
    return target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

export function installContextManager(): Disposable {
  context.setGlobalContextManager(new AsyncContext());
  return { [Symbol.dispose]: () => context.disable() };
}

export function inSpan<T>(span: { readonly traceId: string; readonly spanId: string }, fn: () => T): T {
  const active = trace.wrapSpanContext({ ...span, traceFlags: TraceFlags.SAMPLED });
  return context.with(trace.setSpan(context.active(), active), fn);
}
