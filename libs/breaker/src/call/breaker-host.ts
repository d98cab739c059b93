import { InfraContext, type Clock, type Logger } from '@infra-kit/kernel';
import type { BreakerPlace } from '../breaker.errors.js';
import type { BreakerEvent } from '../breaker.provider.js';
import type { BreakerMeter } from '../breaker.telemetry.js';
import type { OpenBreaker } from '../share/fleet-view.js';
import type { Now } from '../circuit/outcome-window.js';

interface HostParts {
  readonly place: BreakerPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: BreakerMeter;
  /** Told of every change, before listeners are. */
  readonly changed: (event: BreakerEvent, breaker: OpenBreaker) => void;
  /** Told of a breaker that is used for the first time since somebody looked. */
  readonly woken: (breaker: string) => void;
}

/** While nobody measures, that is asked anew with every so many calls: the question costs as much as a tenth of a call. */
const CALLS_BETWEEN_LOOKS = 16;

/** What all breakers of a provider share. */
export class BreakerHost {
  readonly place: BreakerPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: BreakerMeter;
  readonly changed: (event: BreakerEvent, breaker: OpenBreaker) => void;
  readonly woken: (breaker: string) => void;
  readonly now: Now;
  closed = false;
  #callsUntilLook = 0;

  constructor({ place, clock, logger, meter, changed, woken }: HostParts) {
    this.place = place;
    this.clock = clock;
    this.logger = logger;
    this.meter = meter;
    this.changed = changed;
    this.woken = woken;
    this.now = () => clock.monotonic();
  }

  /** True when nothing around a call limits or measures it. */
  get quiet(): boolean {
    if (this.closed || (this.#callsUntilLook-- <= 0 && this.#isMeasured())) return false;
    const context = InfraContext.current();
    return context === undefined || (context.signal === undefined && context.deadline === undefined);
  }

  #isMeasured(): boolean {
    this.#callsUntilLook = this.meter.on ? 0 : CALLS_BETWEEN_LOOKS;
    return this.#callsUntilLook === 0;
  }
}
