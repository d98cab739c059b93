import {
  InfraContext,
  InfraError,
  withDeadline,
  type Clock,
  type Logger,
  type Timer,
} from '@infra-kit/kernel';
import type { Timeline } from '../snowflake/timeline.js';
import { UidLeaseLostError } from '../uid.errors.js';
import { leasesLost } from '../uid.telemetry.js';
import type { WorkerIdLease, WorkerIdSource } from '../worker-id-source.js';
import { HighWaterMark } from './high-water-mark.js';

export interface HolderSettings {
  readonly serviceName: string;
  readonly maxInstanceId: number;
  readonly leaseTtlMs: number;
  readonly highWaterAheadMs: number;
  readonly maxRollbackMs: number;
}

export interface HolderDeps {
  readonly name: string;
  readonly source: WorkerIdSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timeline: Timeline;
}

interface Held {
  readonly lease: WorkerIdLease;
  readonly mark: HighWaterMark;
  readonly onAbort: () => void;
}

/** Limits for a source that does not answer, in milliseconds. */
const ACQUIRE_LIMIT_MS = 10_000;
const SETTLE_LIMIT_MS = 2000;
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 5000;
const CHECKS_A_MARK = 3;

/**
 * Holds an instance id: leases it, keeps its high-water mark ahead of the clock, and when the lease is lost gets a new
 * one, trying for as long as it takes with a pause of at most 5 s.
 */
export class InstanceIdHolder {
  #settings: HolderSettings;
  readonly #deps: HolderDeps;
  readonly #stop = new AbortController();
  #held: Held | undefined;
  #timer: Timer | undefined;
  #recovering: Promise<void> | undefined;
  #instanceId = 0;

  constructor(settings: HolderSettings, deps: HolderDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** The id held, or while there is none the last one. */
  get instanceId(): number {
    return this.#instanceId;
  }

  /** Milliseconds the id is surely held; 0 when it is lost. */
  get remainingMs(): number {
    return Math.max(0, this.#held?.lease.remainingMs() ?? 0);
  }

  /** Up to which time ids may be made; undefined when the lease is lost. */
  get markMs(): number | undefined {
    return this.#held?.mark.ms;
  }

  /** Leases an id, waits out the rest of its high-water mark and stores a new one. */
  async start(): Promise<void> {
    await this.#occupy();
    this.#lookRegularly();
  }

  /** Takes other waits over; name, range and ttl stay as they are. */
  reconfigure(settings: Pick<HolderSettings, 'highWaterAheadMs' | 'maxRollbackMs'>): void {
    this.#settings = { ...this.#settings, ...settings };
    this.#lookRegularly();
  }

  /** Asks the lease. @throws UidLeaseLostError unless the id is surely held now */
  demandHeld(): void {
    const held = this.#held;
    if (held === undefined) return this.#refuseLost();
    if (held.lease.remainingMs() > 0) return;
    this.#lose(held);
    this.#refuseLost();
  }

  /** @throws UidLeaseLostError when `ms` is beyond the high-water mark (renewing it is under way then), or without a lease */
  demandMark(ms: number): void {
    const held = this.#held;
    if (held === undefined) return this.#refuseLost();
    if (ms <= held.mark.ms) return;
    InfraContext.detach(() => held.mark.renewSoon());
    throw new UidLeaseLostError(
      `uid(${this.#deps.name}): the high-water mark of instance id ${this.#instanceId} is reached and not yet renewed; try again`,
      { instance: this.#deps.name },
    );
  }

  /** Stores the exact last time and gives the id back. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#timer?.[Symbol.dispose]();
    await this.#recovering;
    const held = this.#held;
    if (held === undefined) return;
    this.#leave(held);
    try {
      if (held.lease.remainingMs() > 0)
        await withDeadline(undefined, SETTLE_LIMIT_MS, `uid(${this.#deps.name}).saveHighWater`, () =>
          held.mark.settle(),
        );
    } catch (error) {
      this.#deps.logger.warn('the exact high-water mark was not stored: the next start waits out the rest', {
        err: error,
      });
    }
    await held.lease.release();
  }

  #lookRegularly(): void {
    this.#timer?.[Symbol.dispose]();
    if (this.remainingMs === Infinity && this.markMs === Infinity) return; // an id owned for good
    const everyMs = Math.max(1, Math.floor(this.#settings.highWaterAheadMs / CHECKS_A_MARK));
    this.#timer = InfraContext.detach(() => this.#deps.clock.setInterval(() => this.#look(), everyMs));
    this.#timer.unref();
  }

  async #occupy(): Promise<void> {
    const { name, timeline, clock, logger } = this.#deps;
    const signal = this.#stop.signal;
    const lease = await this.#acquire();
    try {
      this.#refuseForeign(lease);
      if (lease.highWaterMs !== undefined) await this.#waitOut(lease.highWaterMs);
      const aheadMs = (): number => this.#settings.highWaterAheadMs;
      const mark = new HighWaterMark(lease, { clock, logger, timeline, aheadMs });
      await withDeadline({ signal }, ACQUIRE_LIMIT_MS, `uid(${name}).saveHighWater`, () => mark.renew());
      if (lease.remainingMs() <= 0 || lease.signal.aborted)
        throw new UidLeaseLostError(
          `uid(${name}): the lease of instance id ${lease.id} was lost before its first use`,
          { instance: name },
        );
      this.#hold(lease, mark);
    } catch (error) {
      await this.#giveBack(lease);
      throw InfraError.from(error, { component: 'uid', instance: name, code: 'UNAVAILABLE' });
    }
  }

  async #acquire(): Promise<WorkerIdLease> {
    const { source, name } = this.#deps;
    const { serviceName, maxInstanceId, leaseTtlMs } = this.#settings;
    const options = { signal: this.#stop.signal };
    try {
      return await withDeadline(options, ACQUIRE_LIMIT_MS, `uid(${name}).acquire`, async (signal) => {
        const lease = await source.acquire(serviceName, maxInstanceId, { ttlMs: leaseTtlMs, signal });
        if (signal.aborted) await this.#giveBack(lease); // it came after nobody waited any longer
        return lease;
      });
    } catch (error) {
      throw InfraError.from(error, { component: 'uid', instance: name, code: 'UNAVAILABLE' });
    }
  }

  #refuseForeign({ id }: WorkerIdLease): void {
    const { maxInstanceId } = this.#settings;
    if (Number.isInteger(id) && id >= 1 && id <= maxInstanceId) return;
    throw new InfraError(
      'INTERNAL',
      `uid: the source gave instance id ${id}, outside 1 to ${maxInstanceId}`,
      {
        component: 'uid',
        instance: this.#deps.name,
      },
    );
  }

  /**
   * Ids up to the mark may exist: what is left of it, at most `highWaterAheadMs`, is waited for. A mark farther away
   * means that the clock stepped back: no use waiting, snowflakes are refused until the clock has passed it.
   */
  async #waitOut(floorMs: number): Promise<void> {
    const { clock, logger, timeline } = this.#deps;
    timeline.passOver(floorMs);
    const longestMs = this.#settings.highWaterAheadMs + this.#settings.maxRollbackMs;
    const restMs = (): number => floorMs - clock.now();
    if (restMs() > longestMs) {
      logger.warn('the clock is behind the stored high-water mark: no snowflakes until it is back', {
        behindMs: restMs(),
      });
      return;
    }
    const until = clock.monotonic() + longestMs;
    while (restMs() > 0 && clock.monotonic() < until) await clock.sleep(restMs(), this.#stop.signal);
  }

  #hold(lease: WorkerIdLease, mark: HighWaterMark): void {
    const held = { lease, mark, onAbort: () => this.#lose(held) };
    lease.signal.addEventListener('abort', held.onAbort, { once: true });
    this.#held = held;
    this.#instanceId = lease.id;
  }

  #refuseLost(): never {
    throw new UidLeaseLostError(
      `uid(${this.#deps.name}): the lease of instance id ${this.#instanceId} is lost; a new one is being asked for, try again`,
      { instance: this.#deps.name },
    );
  }

  #leave(held: Held): void {
    held.lease.signal.removeEventListener('abort', held.onAbort);
    this.#held = undefined;
  }

  #lose(held: Held): void {
    if (this.#held !== held) return;
    this.#leave(held);
    leasesLost.add(1);
    this.#deps.logger.warn('the lease of the instance id is lost: no snowflakes until there is a new one', {
      instanceId: held.lease.id,
    });
    this.#recovering = InfraContext.detach(() => this.#recover(held.lease));
  }

  async #recover(lost: WorkerIdLease): Promise<void> {
    void this.#giveBack(lost);
    for (let pauseMs = PAUSE_FIRST_MS; !this.#stop.signal.aborted;) {
      try {
        await this.#occupy();
        this.#deps.logger.info('a new instance id is leased', { instanceId: this.#instanceId });
        return;
      } catch (error) {
        if (!this.#stop.signal.aborted)
          this.#deps.logger.warn('no instance id to be had, trying again', { err: error, pauseMs });
      }
      // spread over the upper half, so that a fleet does not ask in step
      const spreadMs = pauseMs * (0.5 + Math.random() / 2);
      await this.#deps.clock.sleep(spreadMs, this.#stop.signal).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
    }
  }

  async #giveBack(lease: WorkerIdLease): Promise<void> {
    try {
      await lease.release();
    } catch (error) {
      this.#deps.logger.warn('an instance id could not be given back: it is free when its lease ends', {
        instanceId: lease.id,
        err: error,
      });
    }
  }

  /** The regular look: a lost lease is noticed although nobody asks for ids, and the mark is moved on. */
  #look(): void {
    const held = this.#held;
    if (held === undefined) return;
    if (held.lease.remainingMs() > 0) held.mark.renewWhenDue();
    else this.#lose(held);
  }
}
