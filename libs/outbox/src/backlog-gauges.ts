import {
  createNoopMeter,
  metrics,
  type BatchObservableCallback,
  type MeterProvider,
} from '@opentelemetry/api';
import { OUTBOX_METRICS, OUTBOX_SCOPE } from './outbox.telemetry.js';
import type { Counts } from './store/outbox-store.js';

/**
 * Shows to OpenTelemetry what waits in the outbox: asked of the database when somebody collects, so that it costs nothing
 * otherwise. A MeterProvider that is installed later is found at the next `follow`.
 */
export class BacklogGauges implements Disposable {
  readonly #outbox: string;
  readonly #ask: () => Promise<Counts>;
  #provider: MeterProvider | undefined;
  #detach: (() => void) | undefined;

  constructor(outbox: string, ask: () => Promise<Counts>) {
    this.#outbox = outbox;
    this.#ask = ask;
  }

  follow(provider: MeterProvider = metrics.getMeterProvider()): void {
    if (provider === this.#provider) return;
    this.#provider = provider;
    this[Symbol.dispose]();
    const meter = provider.getMeter(OUTBOX_SCOPE);
    if (meter === createNoopMeter()) return;
    const pending = meter.createObservableGauge(OUTBOX_METRICS.pending, { unit: '{message}' });
    const parked = meter.createObservableGauge(OUTBOX_METRICS.parked, { unit: '{message}' });
    const age = meter.createObservableGauge(OUTBOX_METRICS.oldestAge, { unit: 's' });
    const labels = { outbox: this.#outbox };
    const observe: BatchObservableCallback = async (result) => {
      const counts = await this.#ask().catch(() => undefined); // a database that is away has health to say so
      if (counts === undefined) return;
      result.observe(pending, counts.pending, labels);
      result.observe(parked, counts.parked, labels);
      result.observe(age, counts.oldestAgeMs / 1000, labels);
    };
    const all = [pending, parked, age];
    meter.addBatchObservableCallback(observe, all);
    this.#detach = () => meter.removeBatchObservableCallback(observe, all);
  }

  [Symbol.dispose](): void {
    this.#detach?.();
    this.#detach = undefined;
  }
}
