import { lazyCounter } from '@infra-kit/kernel';

/** Scope of the instruments and of the tracer. */
export const METRICS_SCOPE = '@infra-kit/metrics';

/** Names of what this package emits itself. Labels are bounded: a route's template, never a URL. */
export const METRICS_METRICS = {
  /**
   * Histogram, seconds. Requests that were served, by http.request.method, url.scheme, http.route, http.response.status_code
   * and error.type.
   */
  httpServerDuration: 'http.server.request.duration',
  /**
   * Histogram, seconds. Requests of `tracedFetch`, by http.request.method, server.address, server.port,
   * http.response.status_code and error.type.
   */
  httpClientDuration: 'http.client.request.duration',
  /** Histogram, seconds. Calls of methods under `@Timed()`, by method and outcome (ok, an error's code, or error). */
  methodDuration: 'infra.method.duration',
  /** Counter. Calls of methods under `@Counted()`, by method and outcome. */
  methodCalls: 'infra.method.calls',
  /** Counter. Spans, log lines and reports of metrics given to an exporter, by signal and outcome: sent, failed, dropped. */
  exported: 'infra.telemetry.exported',
} as const;

export const exportedItems = lazyCounter(METRICS_SCOPE, METRICS_METRICS.exported, {
  unit: '{item}',
  description: 'Spans, log lines and reports of metrics, by what became of them',
});

/** What is observed of the process. */
export const PROCESS_METRICS = {
  /** Gauge, seconds. Delay of the event loop since the last look, by statistic: min, max, mean, p50, p90, p99. */
  loopDelay: 'nodejs.eventloop.delay',
  /** Gauge, 0 to 1. Part of the time in which the event loop was busy. */
  loopUtilization: 'nodejs.eventloop.utilization',
  /** Gauge, bytes. Heap in use, by v8js.heap.space.name. */
  heapUsed: 'v8js.memory.heap.used',
  /** Gauge, bytes. Heap there is, by v8js.heap.space.name. */
  heapSize: 'v8js.memory.heap.size',
  /** Gauge, bytes. Resident memory. */
  memory: 'process.memory.usage',
  /** Gauge. Timers, sockets and other things that keep the event loop alive, by type. */
  resources: 'nodejs.active_resources',
  /** Histogram, seconds. Garbage collections, by v8js.gc.type: minor, major, incremental, weakcb. */
  gcDuration: 'v8js.gc.duration',
} as const;
