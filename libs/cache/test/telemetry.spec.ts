import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it } from '@jest/globals';
import { context, ROOT_CONTEXT, trace, type Context, type Span } from '@opentelemetry/api';
import { CACHE_METRICS } from '@infra-kit/cache';
import { faultyCache, systemError } from './fixtures/faulty-cache.js';
import { recordMetrics, RecordingLogger } from '@infra-kit/kernel/testing';

const HOUR = { ttlMs: 3_600_000 };

describe('the metrics of a cache', () => {
  it('count hits and misses by cache, never by key', async () => {
    using metrics = recordMetrics();
    const { cache } = await faultyCache({}, { name: 'sessions' });
    await cache.set('a', 1);
    await cache.get('a');
    await cache.getMany(['a', 'b', 'c']);
    await Promise.all([1, 2, 3].map(() => cache.getOrSet('d', async () => 1, HOUR)));
    await cache.getOrSet('d', async () => 1, HOUR);
    const reads = (result: string): number => metrics.sum(CACHE_METRICS.reads, { cache: 'sessions', result });
    expect([reads('hit'), reads('miss'), reads('shared')]).toEqual([3, 3, 2]);
    const labels = new Set(metrics.all.flatMap(({ attributes }) => Object.keys(attributes)));
    expect(labels).toEqual(new Set(['cache', 'operation', 'outcome', 'result']));
  });

  it('time calls and count failures by operation and code', async () => {
    using metrics = recordMetrics();
    const { cache, faults } = await faultyCache();
    await cache.get('a');
    faults.fail(() => systemError('ECONNREFUSED'));
    await expect(cache.set('a', 1)).rejects.toThrow();
    expect(metrics.sum(CACHE_METRICS.errors, { operation: 'set', code: 'UNAVAILABLE' })).toBe(1);
    const timed = metrics.all.filter(({ name }) => name === CACHE_METRICS.duration);
    expect(timed.map(({ attributes }) => [attributes['operation'], attributes['outcome']])).toEqual([
      ['get', 'ok'],
      ['set', 'UNAVAILABLE'],
    ]);
    for (const { value } of timed) expect(value).toBeLessThan(10);
  });

  it('count loads by outcome, and those made because the server was away', async () => {
    using metrics = recordMetrics();
    const { cache, turn, faults } = await faultyCache();
    await cache.getOrSet('a', async () => 1, HOUR);
    await expect(cache.getOrSet('b', () => Promise.reject(new Error('x')), HOUR)).rejects.toThrow();
    const never = new Promise<number>(() => undefined);
    const loader = ({ signal }: { signal: AbortSignal }): Promise<number> =>
      Promise.race([
        never,
        new Promise<number>((_, reject) => signal.addEventListener('abort', () => reject(new Error('left')))),
      ]);
    await expect(cache.getOrSet('c', loader, { ...HOUR, timeoutMs: 5 })).rejects.toThrow();
    expect(metrics.sum(CACHE_METRICS.fallbackLoads)).toBe(0);
    turn('down');
    await cache.getOrSet('d', async () => 1, HOUR);
    turn('up');
    faults.fail(() => systemError('ECONNRESET'));
    await cache.getOrSet('e', async () => 1, HOUR);
    expect(metrics.sum(CACHE_METRICS.fallbackLoads, { cache: 'default' })).toBe(2);
    const loads = (outcome: string): number => metrics.sum(CACHE_METRICS.loads, { outcome });
    expect([loads('ok'), loads('failed'), loads('cancelled')]).toEqual([3, 1, 1]);
  });

  it('count each change of the server state, with one line of log', async () => {
    using metrics = recordMetrics();
    const logger = new RecordingLogger();
    const { cache, turn } = await faultyCache({}, { logger });
    turn('down', new Error('gone'));
    turn('up');
    expect(metrics.sum(CACHE_METRICS.stateChanges, { state: 'down' })).toBe(1);
    expect(metrics.sum(CACHE_METRICS.stateChanges, { state: 'up' })).toBe(1);
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'the cache server is away'],
      ['info', 'the cache server is back'],
    ]);
    await cache.close();
    turn('down');
    expect(logger.lines).toHaveLength(2);
  });
});

describe('the spans of a cache', () => {
  afterEach(() => {
    trace.disable();
    context.disable();
  });

  it('are children of a recorded span, and none without one', async () => {
    const spans: { name: string; failed: boolean; ended: boolean }[] = [];
    const recorded = (name: string): Span => {
      const entry = { name, failed: false, ended: false };
      spans.push(entry);
      return {
        isRecording: () => true,
        spanContext: () => ({ traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }),
        setStatus: () => ((entry.failed = true), undefined),
        end: () => (entry.ended = true),
      } as unknown as Span;
    };
    trace.setGlobalTracerProvider({
      getTracer: () => ({ startSpan: recorded, startActiveSpan: () => undefined as never }),
    });
    const store = new AsyncLocalStorage<Context>();
    context.setGlobalContextManager({
      active: () => store.getStore() ?? ROOT_CONTEXT,
      with: (active, fn, self, ...args) => store.run(active, () => fn.apply(self as never, args)),
      bind: (_active, target) => target,
      enable: () => context as never,
      disable: () => context as never,
    });
    const { cache, faults } = await faultyCache();
    await cache.get('a');
    expect(spans).toEqual([]);
    await context.with(trace.setSpan(ROOT_CONTEXT, recorded('request')), async () => {
      await cache.get('a');
      faults.fail(() => systemError('ECONNRESET'));
      await cache.set('a', 1).catch(() => undefined);
    });
    expect(spans.slice(1)).toEqual([
      { name: 'cache.get', failed: false, ended: true },
      { name: 'cache.set', failed: true, ended: true },
    ]);
  });
});
