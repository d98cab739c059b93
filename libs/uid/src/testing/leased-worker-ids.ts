import { abortError, InfraError, type Clock, type Timer } from '@infra-kit/kernel';
import { WorkerIdSource, type WorkerIdLease, type WorkerIdOptions } from '../worker-id-source.js';

const DEFAULT_TTL_MS = 15_000;
/** The holder gives up before the server does. */
const HOLDER_SHARE = 0.9;
const RENEWALS_A_TTL = 3;

interface Seat {
  holder: MemoryLease | undefined;
  /** Monotonic. */
  expiresAt: number;
  highWaterMs: number | undefined;
}

interface LeaseDeps {
  readonly id: number;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly seat: Seat;
  /** Throws while the store is away. */
  readonly reach: (lease: WorkerIdLease) => void;
}

class MemoryLease implements WorkerIdLease {
  readonly id: number;
  readonly highWaterMs: number | undefined;
  readonly #deps: LeaseDeps;
  readonly #abort = new AbortController();
  readonly #renewal: Timer;
  #deadline: Timer | undefined;
  #heldUntil = 0;

  constructor(deps: LeaseDeps) {
    this.id = deps.id;
    this.highWaterMs = deps.seat.highWaterMs;
    this.#deps = deps;
    deps.seat.holder = this;
    this.#extend();
    this.#renewal = deps.clock.setInterval(() => this.#renew(), deps.ttlMs / RENEWALS_A_TTL);
    this.#renewal.unref();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  remainingMs(): number {
    return this.#abort.signal.aborted ? 0 : this.#heldUntil - this.#deps.clock.monotonic();
  }

  saveHighWater(ms: number): Promise<void> {
    const { seat, reach } = this.#deps;
    return Promise.resolve().then(() => {
      if (!this.#owns())
        throw new InfraError('FAILED_PRECONDITION', `instance id ${this.id}: the lease is lost`);
      reach(this);
      seat.highWaterMs = ms;
    });
  }

  release(): Promise<void> {
    const { seat, reach } = this.#deps;
    const owned = this.#owns();
    this.#stop();
    this.#heldUntil = -Infinity;
    return Promise.resolve().then(() => {
      if (!owned) return;
      reach(this);
      if (seat.holder === this) seat.holder = undefined;
    });
  }

  #owns(): boolean {
    return this.#deps.seat.holder === this && this.remainingMs() > 0;
  }

  #renew(): void {
    if (!this.#owns()) return this.#lose();
    try {
      this.#deps.reach(this);
      this.#extend();
    } catch {
      // the deadline decides
    }
  }

  #extend(): void {
    const { seat, clock, ttlMs } = this.#deps;
    const now = clock.monotonic();
    seat.expiresAt = now + ttlMs;
    this.#heldUntil = now + ttlMs * HOLDER_SHARE;
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = clock.setTimeout(() => this.#lose(), ttlMs * HOLDER_SHARE);
    this.#deadline.unref();
  }

  #lose(): void {
    this.#stop();
    this.#abort.abort(new InfraError('FAILED_PRECONDITION', `instance id ${this.id}: the lease is lost`));
  }

  #stop(): void {
    this.#renewal[Symbol.dispose]();
    this.#deadline?.[Symbol.dispose]();
  }
}

/**
 * A complete `WorkerIdSource` in memory, on the clock given, with the faults a real one can have. It is the store and
 * every process's way to it at once: several providers of one test share one.
 */
export class LeasedWorkerIds extends WorkerIdSource {
  readonly #clock: Clock;
  readonly #services = new Map<string, Map<number, Seat>>();
  readonly #silenced = new WeakSet<WorkerIdLease>();
  #fault: (() => unknown) | undefined;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  override acquire(
    service: string,
    maxInstanceId: number,
    options: WorkerIdOptions = {},
  ): Promise<WorkerIdLease> {
    return Promise.resolve().then(() => {
      if (options.signal?.aborted) throw abortError('acquire', options.signal.reason);
      if (this.#fault) throw this.#fault();
      for (let id = 1; id <= maxInstanceId; id++) {
        const seat = this.#seat(service, id);
        if (seat.holder !== undefined && seat.expiresAt > this.#clock.monotonic()) continue;
        const reach = (lease: WorkerIdLease): void => this.#reach(lease);
        return new MemoryLease({
          id,
          ttlMs: options.ttlMs ?? DEFAULT_TTL_MS,
          clock: this.#clock,
          seat,
          reach,
        });
      }
      throw new InfraError(
        'RESOURCE_EXHAUSTED',
        `no instance id of '${service}' is free, all of 1 to ${maxInstanceId} are held`,
        { retryable: false },
      );
    });
  }

  /** From now on nothing of this lease arrives at the store: it runs out. */
  silence(lease: WorkerIdLease): void {
    this.#silenced.add(lease);
  }

  /** From now on the store answers everything with what `error` makes, until `heal`. Leases run out. */
  fail(error: () => unknown): void {
    this.#fault = error;
  }

  heal(): void {
    this.#fault = undefined;
  }

  /** The high-water mark stored for an id, in epoch milliseconds. */
  highWaterMs(service: string, id: number): number | undefined {
    return this.#services.get(service)?.get(id)?.highWaterMs;
  }

  #reach(lease: WorkerIdLease): void {
    if (this.#fault) throw this.#fault();
    if (this.#silenced.has(lease)) throw new InfraError('UNAVAILABLE', 'the store is cut off');
  }

  #seat(service: string, id: number): Seat {
    const seats = this.#services.get(service) ?? new Map<number, Seat>();
    this.#services.set(service, seats);
    const seat = seats.get(id) ?? { holder: undefined, expiresAt: 0, highWaterMs: undefined };
    seats.set(id, seat);
    return seat;
  }
}

export function leasedWorkerIds(clock: Clock): LeasedWorkerIds {
  return new LeasedWorkerIds(clock);
}
