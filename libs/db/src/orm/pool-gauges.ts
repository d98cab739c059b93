import {
  createNoopMeter,
  metrics,
  type MeterProvider,
  type BatchObservableCallback,
} from '@opentelemetry/api';
import type { Pool } from 'pg';
import { DB_CONNECTIONS, DB_CONNECTIONS_MAX, DB_PENDING, DB_SCOPE } from '../db.telemetry.js';

/**
 * Shows a pool to OpenTelemetry while it is open: read when somebody collects, so the pool's users pay nothing. A
 * MeterProvider that is installed later is found at the next connection that is taken.
 */
export class PoolGauges implements Disposable {
  readonly #pool: Pool;
  readonly #labels: Readonly<Record<string, string>>;
  #provider: MeterProvider | undefined;
  #detach: (() => void) | undefined;
  readonly #onAcquire = (): void => this.#follow(metrics.getMeterProvider());

  /** @param name of the pool, the same on every instance of the service. */
  constructor(pool: Pool, name: string) {
    this.#pool = pool;
    this.#labels = { 'db.client.connection.pool.name': name };
    pool.on('acquire', this.#onAcquire);
    this.#onAcquire();
  }

  [Symbol.dispose](): void {
    this.#pool.removeListener('acquire', this.#onAcquire);
    this.#detach?.();
    this.#detach = undefined;
  }

  #follow(provider: MeterProvider): void {
    if (provider === this.#provider) return;
    this.#provider = provider;
    this.#detach?.();
    this.#detach = undefined;
    const meter = provider.getMeter(DB_SCOPE);
    if (meter === createNoopMeter()) return;
    const unit = '{connection}';
    const count = meter.createObservableUpDownCounter(DB_CONNECTIONS, { unit });
    const most = meter.createObservableUpDownCounter(DB_CONNECTIONS_MAX, { unit });
    const pending = meter.createObservableUpDownCounter(DB_PENDING, { unit: '{request}' });
    const observe: BatchObservableCallback = (result) => {
      const { totalCount, idleCount, waitingCount, options } = this.#pool;
      const state = (name: string): Record<string, string> => ({
        ...this.#labels,
        'db.client.connection.state': name,
      });
      result.observe(count, idleCount, state('idle'));
      result.observe(count, totalCount - idleCount, state('used'));
      result.observe(most, options.max ?? 0, this.#labels);
      result.observe(pending, waitingCount, this.#labels);
    };
    const all = [count, most, pending];
    meter.addBatchObservableCallback(observe, all);
    this.#detach = () => meter.removeBatchObservableCallback(observe, all);
  }
}
