import { monitorEventLoopDelay, performance, PerformanceObserver, constants } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import type { BatchObservableResult, Meter, MeterProvider, Observable } from '@opentelemetry/api';
import { METRICS_SCOPE, PROCESS_METRICS } from '../metrics.telemetry.js';

const NS_PER_S = 1e9;
const QUANTILES = { p50: 50, p90: 90, p99: 99 } as const;
const GC_BUCKETS = [0.01, 0.1, 1, 10];
/** Two readers that ask at once see the same. */
const SAME_LOOK_MS = 500;

const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

interface Loop {
  readonly delays: ReadonlyMap<string, number>;
  readonly utilization: number;
}

/** Delay and use of the event loop between two looks. */
class EventLoop {
  readonly #delay = monitorEventLoopDelay();
  #from = performance.eventLoopUtilization();
  #at = -Infinity;
  #last: Loop = { delays: new Map(), utilization: 0 };

  constructor() {
    this.#delay.enable();
  }

  look(): Loop {
    const now = performance.now();
    if (now - this.#at < SAME_LOOK_MS) return this.#last;
    this.#at = now;
    const to = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(to, this.#from);
    this.#from = to;
    this.#last = { delays: this.#delays(), utilization };
    this.#delay.reset();
    return this.#last;
  }

  stop(): void {
    this.#delay.disable();
  }

  #delays(): Map<string, number> {
    const delay = this.#delay;
    if (delay.count === 0) return new Map(); // nothing was measured since the last look
    return new Map([
      ['min', delay.min / NS_PER_S],
      ['max', delay.max / NS_PER_S],
      ['mean', delay.mean / NS_PER_S],
      ...Object.entries(QUANTILES).map(
        ([name, percent]) => [name, delay.percentile(percent) / NS_PER_S] as const,
      ),
    ]);
  }
}

function countedResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

function watchGarbageCollection(meter: Meter): () => void {
  const duration = meter.createHistogram(PROCESS_METRICS.gcDuration, {
    unit: 's',
    description: 'Time of a garbage collection',
    advice: { explicitBucketBoundaries: GC_BUCKETS },
  });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind: unknown = Reflect.get(Object(Reflect.get(entry, 'detail')), 'kind');
      duration.record(entry.duration / 1000, { 'v8js.gc.type': GC_KINDS[Number(kind)] ?? 'other' });
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

/** Measures this process until the result is called. */
export function observeProcess(provider: MeterProvider): () => void {
  const meter = provider.getMeter(METRICS_SCOPE);
  const gauge = (name: string, unit: string, description: string): Observable =>
    meter.createObservableGauge(name, { unit, description });
  const loop = new EventLoop();
  const delay = gauge(
    PROCESS_METRICS.loopDelay,
    's',
    'Delay of the event loop since the last look, by statistic',
  );
  const use = gauge(
    PROCESS_METRICS.loopUtilization,
    '1',
    'Part of the time in which the event loop was busy',
  );
  const used = gauge(PROCESS_METRICS.heapUsed, 'By', 'Heap in use, by space');
  const limit = gauge(PROCESS_METRICS.heapSize, 'By', 'Heap there is, by space');
  const memory = gauge(PROCESS_METRICS.memory, 'By', 'Resident memory');
  const resources = gauge(
    PROCESS_METRICS.resources,
    '{resource}',
    'What keeps the event loop alive, by type',
  );

  const observables = [delay, use, used, limit, memory, resources];
  const observe = (result: BatchObservableResult): void => {
    const { delays, utilization } = loop.look();
    for (const [statistic, value] of delays) result.observe(delay, value, { statistic });
    result.observe(use, utilization);
    for (const space of getHeapSpaceStatistics()) {
      const label = { 'v8js.heap.space.name': space.space_name };
      result.observe(used, space.space_used_size, label);
      result.observe(limit, space.space_size, label);
    }
    result.observe(memory, process.memoryUsage.rss());
    for (const [type, count] of countedResources()) result.observe(resources, count, { type });
  };
  meter.addBatchObservableCallback(observe, observables);
  const stopGc = watchGarbageCollection(meter);
  return () => {
    meter.removeBatchObservableCallback(observe, observables);
    stopGc();
    loop.stop();
  };
}
