import { isInfraError, type Clock, type Logger } from '@infra-kit/kernel';
import { fallbackInForce, stateChanges } from '../ratelimit.telemetry.js';

/** An outage that begins this soon after another is the same one: shares of a rule are not handed out again. */
const SAME_OUTAGE_MS = 1000;

/** After a call that got no answer the next is made this many timeouts later: only so many decisions wait in vain. */
const TIMEOUTS_APART = 5;

export interface OutageOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timeoutMs: () => number;
  /** A new outage, not one that goes on. */
  readonly began: () => void;
}

/** Whether the store is away: logged and counted once a change. */
export class Outage {
  readonly #options: OutageOptions;
  #inForce = false;
  #endedAt = -Infinity;
  #reason: unknown;
  #askAgainAt = -Infinity;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  get inForce(): boolean {
    return this.#inForce;
  }

  get reason(): unknown {
    return this.#reason;
  }

  /** True while it would be in vain to ask: a store that refuses is asked at once again, one that hangs is not. */
  get isHopeless(): boolean {
    return this.#inForce && this.#options.clock.monotonic() < this.#askAgainAt;
  }

  failed(error: unknown): void {
    this.#reason = error;
    if (isInfraError(error) && error.code === 'DEADLINE_EXCEEDED')
      this.#askAgainAt = this.#options.clock.monotonic() + TIMEOUTS_APART * this.#options.timeoutMs();
    if (this.#inForce) return;
    const { clock, began, logger, name } = this.#options;
    this.#inForce = true;
    if (clock.monotonic() - this.#endedAt > SAME_OUTAGE_MS) began();
    logger.warn('the store of the limits is away, deciding without it', { err: error });
    this.#count('down', name, 1);
  }

  answered(): void {
    if (!this.#inForce) return;
    const { clock, logger, name } = this.#options;
    this.#inForce = false;
    this.#reason = undefined;
    this.#endedAt = clock.monotonic();
    logger.info('the store of the limits is back');
    this.#count('up', name, -1);
  }

  /** Nobody decides any more, so no fallback is in force. */
  close(): void {
    if (!this.#inForce) return;
    this.#inForce = false;
    fallbackInForce.add(-1, { ratelimit: this.#options.name });
  }

  #count(state: 'up' | 'down', ratelimit: string, by: number): void {
    stateChanges.add(1, { ratelimit, state });
    fallbackInForce.add(by, { ratelimit });
  }
}
