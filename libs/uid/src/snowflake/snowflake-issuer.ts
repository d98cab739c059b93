import { InfraError, type Clock } from '@infra-kit/kernel';
import type { InstanceIdHolder } from '../instance-id/instance-id-holder.js';
import { ClockRollbackError } from '../uid.errors.js';
import { clockRollbacks, sequenceWaits } from '../uid.telemetry.js';
import { advance, type Position, type Step } from './advance.js';
import { firstOf, LAST_SEQUENCE } from './snowflake-layout.js';
import type { Timeline } from './timeline.js';

export interface IssuerDeps {
  readonly name: string;
  readonly clock: Clock;
  readonly timeline: Timeline;
  readonly holder: InstanceIdHolder;
}

/** What a wait may last beyond twice the distance, in real milliseconds, before the clock is held to stand still. */
const GRACE_MS = 5;
/** The lease is asked for each of the first ids of a millisecond, then for every 16th. */
const ASKED_EACH = 256;
const ASKED_EVERY = 16;

/**
 * Moves the time line on by the wall clock. Waiting is a spin on the clock, because ids are made synchronously; it is
 * bounded in real time, also on a clock that stands still (a test's): after twice the distance and 5 ms such a clock is
 * no longer waited for, and ids go on as if it had arrived, at most `maxRollbackMs` ahead of it.
 */
export class SnowflakeIssuer {
  maxRollbackMs: number;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #timeline: Timeline;
  readonly #holder: InstanceIdHolder;
  #standsStillAt = Number.NaN;
  /** The first id of the millisecond and instance in use. */
  #first = 0n;
  #instanceId = 0;

  constructor(maxRollbackMs: number, { name, clock, timeline, holder }: IssuerDeps) {
    this.maxRollbackMs = maxRollbackMs;
    this.#name = name;
    this.#clock = clock;
    this.#timeline = timeline;
    this.#holder = holder;
  }

  issue(): bigint {
    this.#next();
    return this.#first + BigInt(this.#timeline.sequence);
  }

  /** Asks clock and lease once a millisecond. */
  issueMany(count: number): bigint[] {
    const ids: bigint[] = [];
    const timeline = this.#timeline;
    while (ids.length < count) {
      ids.push(this.issue());
      const first = this.#first;
      while (ids.length < count && timeline.sequence < LAST_SEQUENCE)
        ids.push(first + BigInt(++timeline.sequence));
    }
    return ids;
  }

  /** Why no id could be made now, apart from a lost lease; for the health page. */
  get obstacle(): string | undefined {
    const step = advance(this.#timeline, this.#offset(), this.maxRollbackMs);
    if (step.kind === 'rolled-back') return `the clock is ${step.byMs} ms behind the last snowflake`;
    if (step.kind === 'ended') return '41 bits of milliseconds are used up';
    return this.#clock.now() > (this.#holder.markMs ?? Infinity)
      ? 'the high-water mark is reached and not yet renewed'
      : undefined;
  }

  /** Moves the time line on by one id. */
  #next(): void {
    let now = this.#offset();
    for (;;) {
      // the time is read before the lease is asked: an id's time is one at which the lease was surely held
      if (this.#mustAsk(now)) this.#holder.demandHeld();
      const step = advance(this.#timeline, now, this.maxRollbackMs);
      if (step.kind === 'issue') return this.#take(step);
      now = this.#overcome(step, now);
    }
  }

  /** Always, but in the busiest of milliseconds: asking costs as much as reading a clock. */
  #mustAsk(now: number): boolean {
    const { offset, sequence } = this.#timeline;
    return now !== offset || sequence < ASKED_EACH || sequence % ASKED_EVERY === 0;
  }

  #take({ offset, sequence }: Position): void {
    const { instanceId } = this.#holder;
    this.#holder.demandMark(this.#timeline.epochMs + offset);
    if (offset !== this.#timeline.offset || instanceId !== this.#instanceId) {
      this.#first = firstOf(offset, instanceId);
      this.#instanceId = instanceId;
    }
    this.#timeline.moveTo(offset, sequence);
  }

  /** Waits until the obstacle is gone and answers the time then, or throws. */
  #overcome(step: Exclude<Step, { kind: 'issue' }>, now: number): number {
    switch (step.kind) {
      case 'full':
        sequenceWaits.add(1);
        return this.#waitUntil(step.untilOffset, now);
      case 'behind':
        clockRollbacks.add(1, { outcome: 'waited' });
        return this.#waitUntil(step.untilOffset, now);
      case 'rolled-back':
        return this.#refuse(step.byMs);
      case 'ended':
        throw new InfraError(
          'RESOURCE_EXHAUSTED',
          `uid(${this.#name}): 41 bits of milliseconds since epochMs ${this.#timeline.epochMs} are used up; snowflakes of a later epoch need a new id column`,
          { component: 'uid', instance: this.#name, retryable: false },
        );
    }
  }

  #waitUntil(until: number, since: number): number {
    let now = since;
    if (now !== this.#standsStillAt) {
      const patience = performance.now() + (until - now) * 2 + GRACE_MS;
      do {
        now = this.#offset();
        if (now >= until) return now;
      } while (performance.now() < patience);
      this.#standsStillAt = now;
    }
    return until - now <= this.maxRollbackMs ? until : this.#refuse(until - now);
  }

  #refuse(behindMs: number): never {
    clockRollbacks.add(1, { outcome: 'refused' });
    throw new ClockRollbackError(
      `uid(${this.#name}): the clock is ${behindMs} ms behind the last snowflake, more than maxRollbackMs ${this.maxRollbackMs}; no ids until it is back, look at the time service of this machine`,
      { instance: this.#name, behindMs },
    );
  }

  #offset(): number {
    return Math.floor(this.#clock.now()) - this.#timeline.epochMs;
  }
}
