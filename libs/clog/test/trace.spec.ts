import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { InfraContext } from '@infra-kit/kernel';
import { context, ROOT_CONTEXT, trace, type Context, type ContextManager } from '@opentelemetry/api';
import { capturedClog } from './clogs.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

/** What the SDK installs: the active context follows AsyncLocalStorage. */
class StorageContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => fn.call(self, ...args));
  }
  bind<T>(_context: Context, target: T): T {
    return target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

afterEach(() => context.disable());

describe('trace ids', () => {
  it('are absent outside any context', async () => {
    await using app = await capturedClog();
    app.clog.root.info('x');
    expect(app.captured.last).not.toHaveProperty('trace_id');
    expect(app.captured.last).not.toHaveProperty('span_id');
  });

  it('follow awaits, timers and callbacks of the context', async () => {
    await using app = await capturedClog();
    await InfraContext.run({ traceparent: `00-${TRACE}-${SPAN}-01` }, async () => {
      app.clog.root.info('now');
      await Promise.resolve();
      app.clog.logger('deep').with({ a: 1 }).info('after await');
      await new Promise<void>((resolve) => setImmediate(resolve));
      app.clog.root.info('after a turn');
      await new Promise<void>((resolve) => {
        setTimeout(() => {
          app.clog.root.info('in a timer');
          resolve();
        }, 1);
      });
    });
    expect(app.captured.lines).toHaveLength(4);
    for (const line of app.captured.lines) expect(line).toMatchObject({ trace_id: TRACE, span_id: SPAN });
  });

  it('keep two contexts at once apart', async () => {
    await using app = await capturedClog();
    const work = (mark: string): Promise<void> =>
      InfraContext.run({}, async () => {
        for (let step = 0; step < 5; step++) {
          app.clog.root.info(mark, { own: InfraContext.traceId() });
          await Promise.resolve();
        }
      });
    await Promise.all([work('one'), work('two')]);
    for (const line of app.captured.lines) expect(line['own']).toBe(line['trace_id']);
    expect(new Set(app.captured.lines.map((line) => line['trace_id'])).size).toBe(2);
  });

  it('are those of the active OpenTelemetry span when there is one', async () => {
    context.setGlobalContextManager(new StorageContexts());
    await using app = await capturedClog();
    const spanContext = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 };
    InfraContext.run({ traceId: TRACE }, () => {
      context.with(trace.setSpan(ROOT_CONTEXT, trace.wrapSpanContext(spanContext)), () =>
        app.clog.root.info('in the span'),
      );
      app.clog.root.info('outside the span');
    });
    expect(app.captured.lines[0]).toMatchObject({ trace_id: 'c'.repeat(32), span_id: 'd'.repeat(16) });
    expect(app.captured.lines[1]).toMatchObject({ trace_id: TRACE });
  });

  it('stand on lines of pino itself too', async () => {
    await using app = await capturedClog();
    InfraContext.run({ traceId: TRACE, attributes: { request_id: 'r-1' } }, () => {
      app.clog.native.info('native');
      app.clog.root.info('own');
    });
    for (const line of app.captured.lines) expect(line).toMatchObject({ trace_id: TRACE, request_id: 'r-1' });
  });
});
