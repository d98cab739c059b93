import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import type { LineTaker } from '../metrics.provider.js';

/** Items that were not delivered, by signal. */
export type Undelivered = Readonly<Record<string, number>>;

/** What the rest of the component knows of the SDK: its libraries are loaded by the code that makes one. */
export interface RunningSdk {
  /** Undefined: traces are not exported, so that none are made. */
  readonly tracers: TracerProvider | undefined;
  readonly meters: MeterProvider;
  /** Present where log lines are exported. */
  readonly lines: LineTaker | undefined;
  /** The Prometheus page; undefined: not asked for. */
  readonly page: (() => Promise<string>) | undefined;
  /** Takes another sampling ratio from the next trace on. */
  setRatio(ratio: number): void;
  /** Sends what waits; rejects with the first failure. */
  flush(): Promise<void>;
  /** Sends what waits and ends it; resolves at the limit in any case, with what had not been delivered. */
  shutdown(limitMs: number): Promise<Undelivered>;
}
