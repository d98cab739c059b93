import { TraceFlags } from '@opentelemetry/api';
import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import type { ExportWatch } from './export-watch.js';

/** Items that wait in a batch processor; those that find it full are dropped there, without a word. */
export class Queue {
  #waiting = 0;

  constructor(
    private readonly signal: 'spans' | 'logs',
    private readonly watch: ExportWatch,
    private readonly capacity: number,
  ) {}

  entered(): void {
    if (this.#waiting >= this.capacity) return this.watch.dropped(this.signal, 1);
    this.#waiting++;
    this.watch.accepted(this.signal, 1);
  }

  left(items: number): void {
    this.#waiting -= items;
  }
}

/** An exporter whose batches leave the queue. */
export function leaving<T extends readonly unknown[], E extends { export(items: T, done: never): void }>(
  exporter: E,
  queue: Queue,
): E {
  return {
    ...exporter,
    export: (items: T, done: never) => {
      queue.left(items.length);
      exporter.export(items, done);
    },
  };
}

export function countedSpans(processor: SpanProcessor, queue: Queue): SpanProcessor {
  return {
    onStart: (span, context) => processor.onStart(span, context),
    onEnd: (span) => {
      if (span.spanContext().traceFlags & TraceFlags.SAMPLED) queue.entered();
      processor.onEnd(span);
    },
    forceFlush: () => processor.forceFlush(),
    shutdown: () => processor.shutdown(),
  };
}

export function countedLogs(processor: LogRecordProcessor, queue: Queue): LogRecordProcessor {
  return {
    onEmit: (record, context) => {
      queue.entered();
      processor.onEmit(record, context);
    },
    forceFlush: () => processor.forceFlush(),
    shutdown: () => processor.shutdown(),
  };
}
