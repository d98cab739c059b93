import type { Clock, Timer } from '@infra-kit/kernel';

interface Terms {
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Tells the server that the transaction is alive. */
  readonly beat: () => Promise<void>;
  readonly lost: (why: string, cause: unknown) => Error;
}

const BEATS_A_LEASE = 3;

/**
 * Keeps a transaction alive that the server ends when it is idle for a lease. The server's own word counts: what it has
 * ended fails, what commits was never lost.
 */
export class Heartbeat {
  readonly #terms: Terms;
  readonly #controller = new AbortController();
  #timer: Timer | undefined;
  #beating = false;
  #heardAt: number;

  constructor(terms: Terms) {
    this.#terms = terms;
    this.#heardAt = terms.clock.monotonic();
  }

  /** Aborts when a beat has failed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Nothing was heard from the server for a lease, or it has refused a beat: it may have ended the transaction. */
  get missed(): boolean {
    const { clock, leaseMs } = this.#terms;
    return this.#controller.signal.aborted || clock.monotonic() - this.#heardAt > leaseMs;
  }

  /** In the context of the transaction. Does not keep the process alive. */
  start(): void {
    const { clock, leaseMs } = this.#terms;
    this.#heardAt = clock.monotonic();
    this.#timer = clock.setInterval(() => void this.#beat(), leaseMs / BEATS_A_LEASE);
    this.#timer.unref();
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  /** Never rejects. */
  async #beat(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    try {
      await this.#terms.beat();
      this.#heardAt = this.#terms.clock.monotonic();
    } catch (error) {
      if (this.#timer === undefined) return;
      this.stop();
      this.#controller.abort(this.#terms.lost('the server has ended its transaction', error));
    } finally {
      this.#beating = false;
    }
  }
}
