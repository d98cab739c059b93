import type { CoordDriver, KeyRange, WatchListener } from '../drivers/coord-driver.js';
import { tell } from '../drivers/watch-listener.js';

export interface WatchOrder {
  readonly range: KeyRange;
  readonly fromRevision: bigint;
  readonly listener: WatchListener;
}

/** A watch through a connection that comes and goes; after each gap it goes on after the last revision it told. */
export class CuttableWatch implements Disposable {
  readonly #real: CoordDriver;
  readonly #order: WatchOrder;
  readonly #ended: () => void;
  #next: bigint;
  #inner: Disposable | undefined;
  #over = false;

  constructor(real: CoordDriver, order: WatchOrder, ended: () => void) {
    this.#real = real;
    this.#order = order;
    this.#ended = ended;
    this.#next = order.fromRevision;
  }

  cut(error: unknown): void {
    this.#inner?.[Symbol.dispose]();
    this.#inner = undefined;
    if (!this.#over) tell(this.#order.listener, { type: 'interrupted', error });
  }

  mend(): void {
    if (this.#over || this.#inner !== undefined) return;
    this.#inner = this.#real.watch(this.#order.range, this.#next, (signal) => {
      if (signal.type === 'changes') this.#next = signal.revision + 1n;
      if (signal.type === 'compacted' || signal.type === 'failed') this[Symbol.dispose]();
      tell(this.#order.listener, signal);
    });
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#inner?.[Symbol.dispose]();
    this.#inner = undefined;
    this.#ended();
  }
}
