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
}

/** What all breakers of a provider share. */
export class BreakerHost {
  readonly place: BreakerPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: BreakerMeter;
  readonly changed: (event: BreakerEvent, breaker: OpenBreaker) => void;
  readonly now: Now;
  closed = false;

  constructor({ place, clock, logger, meter, changed }: HostParts) {
    this.place = place;
    this.clock = clock;
    this.logger = logger;
    this.meter = meter;
    this.changed = changed;
    this.now = () => clock.monotonic();
  }

  /** True when nothing around a call limits or measures it. */
  get quiet(): boolean {
    if (this.closed || this.meter.on) return false;
    const context = InfraContext.current();
    return context === undefined || (context.signal === undefined && context.deadline === undefined);
  }
}
