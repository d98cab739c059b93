import { InfraContext, messageOf, type Clock, type Logger } from '@infra-kit/kernel';
import type { OutboxConfig } from '../outbox.config.js';
import type { Leader } from './leader.js';
import type { Passed, RelayPass } from './relay-pass.js';

interface Parts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pass: RelayPass;
  readonly leader: Leader;
  readonly settings: () => OutboxConfig;
  /** Between passes. */
  readonly tidy: (signal: AbortSignal) => Promise<void>;
}

/** Passes, again and again, until it is stopped; those asked for by hand come in between, never at once. */
export class Relay {
  readonly #parts: Parts;
  #stopping: AbortController | undefined;
  #running: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #woken = false;
  #wake: (() => void) | undefined;
  #failures = 0;
  #lastError: string | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Why the last pass failed; undefined when it did not. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  start(): void {
    if (this.#running !== undefined) return;
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.#running = InfraContext.detach(() => this.#loop(stopping.signal));
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    this.#stopping?.abort();
    await running;
  }

  /** There is something to send. */
  wake(): void {
    this.#woken = true;
    if (this.#failures === 0) this.#wake?.();
  }

  once(limit: number): Promise<Passed> {
    const passed = this.#turn.then(() => InfraContext.detach(() => this.#pass(limit)));
    this.#turn = passed.catch(() => undefined);
    return passed;
  }

  /** Who is asked for a single pass keeps nobody else from the next one. */
  async #pass(limit: number): Promise<Passed> {
    const { pass, leader } = this.#parts;
    try {
      return await pass.run(limit);
    } finally {
      if (!this.running) await leader.release().catch(() => undefined); // with its session, at the latest
    }
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { settings, tidy } = this.#parts;
    while (!signal.aborted) {
      this.#woken = false;
      try {
        const { full, away } = await this.once(settings().batchSize);
        if (away !== undefined) this.#failed(away);
        else this.#succeeded();
        if (full && away === undefined) continue;
        await tidy(signal);
      } catch (error) {
        this.#failed(error);
      }
      await this.#rest(signal);
    }
  }

  #failed(error: unknown): void {
    this.#lastError = messageOf(error);
    if (this.#failures++ === 0)
      this.#parts.logger.warn('messages are not sent; it is tried again, with back-off', { err: error });
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#parts.logger.info('messages are sent again', { failures: this.#failures });
    this.#failures = 0;
    this.#lastError = undefined;
  }

  /** Until it is woken, or the time is over; in trouble nothing wakes it but a stop. */
  async #rest(signal: AbortSignal): Promise<void> {
    const { pollIntervalMs, maxBackoffMs } = this.#parts.settings();
    if (signal.aborted || (this.#woken && this.#failures === 0)) return;
    const grown = pollIntervalMs * 2 ** Math.min(20, Math.max(0, this.#failures - 1));
    const ms =
      this.#failures === 0 ? pollIntervalMs : Math.max(pollIntervalMs, Math.min(maxBackoffMs, grown));
    const rested = Promise.withResolvers<void>();
    const end = (): void => rested.resolve();
    const timer = this.#parts.clock.setTimeout(end, ms);
    timer.unref();
    this.#wake = end;
    signal.addEventListener('abort', end, { once: true });
    await rested.promise;
    signal.removeEventListener('abort', end);
    timer[Symbol.dispose]();
    this.#wake = undefined;
  }
}
