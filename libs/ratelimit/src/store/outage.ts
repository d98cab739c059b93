import type { Clock, Logger } from '@infra-kit/kernel';
import { fallbackInForce, stateChanges } from '../ratelimit.telemetry.js';

/** An outage that begins this soon after another is the same one: shares of a rule are not handed out again. */
const SAME_OUTAGE_MS = 1000;

export interface OutageOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A new outage, not one that goes on. */
  readonly began: () => void;
}

/** Whether the store is away: logged and counted once a change. */
export class Outage {
  readonly #options: OutageOptions;
  #inForce = false;
  #endedAt = -Infinity;
  #reason: unknown;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  get inForce(): boolean {
    return this.#inForce;
  }

  get reason(): unknown {
    return this.#reason;
  }

  failed(error: unknown): void {
    this.#reason = error;
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

  #count(state: 'up' | 'down', ratelimit: string, by: number): void {
    stateChanges.add(1, { ratelimit, state });
    fallbackInForce.add(by, { ratelimit });
  }
}
