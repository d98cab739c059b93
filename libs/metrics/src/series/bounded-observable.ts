import type { Attributes, Observable, ObservableCallback, ObservableResult } from '@opentelemetry/api';
import type { LabelBound } from './label-bound.js';

/** Whether values beyond the bound are summed, or the last one counts. */
export type Beyond = 'sum' | 'last';

/** Observes under the bounded labels; what is beyond the bound is observed once, when the callback is done. */
export class BoundedResult implements ObservableResult {
  #beyond: { value: number; readonly labels: Attributes } | undefined;

  constructor(
    private readonly report: (value: number, labels: Attributes) => void,
    private readonly bound: LabelBound,
    private readonly kind: Beyond,
  ) {}

  observe(value: number, attributes?: Attributes): void {
    const labels = this.bound.of(attributes);
    if (!this.bound.isOther(labels)) return this.report(value, labels);
    const before = this.kind === 'sum' ? (this.#beyond?.value ?? 0) : 0;
    this.#beyond = { value: before + value, labels };
  }

  end(): void {
    if (this.#beyond !== undefined) this.report(this.#beyond.value, this.#beyond.labels);
  }
}

/** An observable instrument with bounded series. */
export class BoundedObservable implements Observable {
  readonly #callbacks = new Map<ObservableCallback, ObservableCallback>();

  constructor(
    readonly inner: Observable,
    readonly bound: LabelBound,
    readonly kind: Beyond,
  ) {}

  addCallback(callback: ObservableCallback): void {
    if (this.#callbacks.has(callback)) return;
    const bounded: ObservableCallback = async (result) => {
      const report = (value: number, labels: Attributes): void => result.observe(value, labels);
      const within = new BoundedResult(report, this.bound, this.kind);
      await callback(within);
      within.end();
    };
    this.#callbacks.set(callback, bounded);
    this.inner.addCallback(bounded);
  }

  removeCallback(callback: ObservableCallback): void {
    const bounded = this.#callbacks.get(callback);
    this.#callbacks.delete(callback);
    if (bounded !== undefined) this.inner.removeCallback(bounded);
  }
}
