import { withDeadline, type Clock } from '@infra-kit/kernel';
import { CacheDecodeError, closedError, invalidArgument, shown, type CachePlace } from '../cache.errors.js';
import type { CacheGetOrSetOptions, CacheLoad } from '../cache.provider.js';
import { readsCounter } from '../cache.telemetry.js';
import { LruStore } from '../drivers/memory/lru-store.js';
import { refreshesEarly } from './early-refresh.js';
import { FleetLoads, Found, type FleetParts, type Outcome, type Wanted } from './fleet-loads.js';
import { Flight } from './flight.js';
import type { NearLevel } from './near-level.js';
import { checkOptions, driverTtl } from './write-options.js';

/** Failures remembered at once; the least recently used is forgotten. */
const MAX_FAILURES = 1000;
/** How long a refresh in the background that failed is not tried again by this process. */
const REFRESH_PAUSE_MS = 1000;

interface Parts extends Omit<FleetParts, 'failed'> {
  readonly near: NearLevel | undefined;
}

/** Which entry: the caller's key, the full one, and the keys of its tags. */
export interface EntryName {
  readonly key: string;
  readonly fullKey: string;
  readonly tagKeys: readonly string[];
}

/** `getOrSet`: one load a key in this process and, by `FleetLoads`, in the fleet; refreshes in the background. */
export class GetOrSet {
  readonly #place: CachePlace;
  readonly #clock: Clock;
  readonly #parts: Parts;
  readonly #label: string;
  readonly #fleet: FleetLoads;
  readonly #flights = new Map<string, Flight<Outcome>>();
  readonly #refreshes = new Map<string, Flight<Outcome>>();
  readonly #failures: LruStore<{ readonly error: unknown }>;
  readonly #pauses: LruStore<true>;

  constructor(parts: Parts) {
    const now = (): number => parts.clock.monotonic();
    this.#place = parts.place;
    this.#clock = parts.clock;
    this.#parts = parts;
    this.#label = `${parts.place.label}.getOrSet`;
    this.#failures = new LruStore(MAX_FAILURES, now);
    this.#pauses = new LruStore(MAX_FAILURES, now);
    this.#fleet = new FleetLoads({ ...parts, failed: (wanted, error) => this.#remember(wanted, error) });
  }

  async run(
    name: EntryName,
    loader: (load: CacheLoad) => Promise<unknown>,
    options: CacheGetOrSetOptions,
  ): Promise<unknown> {
    const wanted = this.#wanted(name, loader, options);
    const near = this.#near(wanted);
    if (near !== undefined) return this.#parts.runner.answer('get', options, near);
    let joined: Flight<Outcome> | undefined;
    let first = false;
    try {
      // no limit but the caller's own: how long a load may take only the caller knows
      const outcome = await withDeadline(options, Infinity, this.#label, () => {
        const present = this.#flights.get(name.fullKey);
        first = present === undefined;
        joined = present ?? this.#start(wanted);
        return joined.join();
      });
      return this.#take(outcome, first);
    } finally {
      if (joined?.leave() === true) forget(this.#flights, name.fullKey, joined);
    }
  }

  /** A write of the key: loads under way are no longer joined nor stored, and a remembered failure is void. */
  supersede(fullKey: string): void {
    if (this.#failures.size > 0) this.#failures.delete(fullKey);
    for (const flights of [this.#flights, this.#refreshes]) {
      const flight = flights.get(fullKey);
      if (flight === undefined) continue;
      flights.delete(fullKey);
      flight.supersede();
    }
  }

  supersedePrefix(prefix: string): void {
    const keys = [...this.#flights.keys(), ...this.#refreshes.keys(), ...this.#failures.keys(prefix)];
    for (const key of keys) if (key.startsWith(prefix)) this.supersede(key);
  }

  /** Tags were invalidated: whoever asks from now on does not get what was loading before. */
  supersedeTags(tagKeys: readonly string[]): void {
    for (const flights of [this.#flights, this.#refreshes])
      for (const [key, flight] of flights)
        if (flight.tagKeys.some((tag) => tagKeys.includes(tag))) this.supersede(key);
  }

  /** Ends the loads, and resolves when other processes may begin them: the server must still be called meanwhile. */
  async close(): Promise<void> {
    for (const flights of [this.#flights, this.#refreshes]) {
      for (const flight of flights.values()) flight.abort(closedError(this.#place));
      flights.clear();
    }
    this.#failures.clear();
    await this.#fleet.leasesReturned();
  }

  #wanted(
    { key, fullKey, tagKeys }: EntryName,
    loader: (load: CacheLoad) => Promise<unknown>,
    options: CacheGetOrSetOptions,
  ): Wanted {
    const place = this.#place;
    if (this.#parts.runner.closed) throw closedError(place);
    if (typeof loader !== 'function')
      throw invalidArgument(place, `loader must be a function, got ${shown(loader)}`);
    checkOptions(place, options);
    const { ttlMs, staleMs = 0, negativeTtlMs, beta = 1, loadLeaseMs } = options ?? {};
    const freshMs = driverTtl(place, ttlMs);
    const late = staleMs === 0 ? 0 : driverTtl(place, staleMs, 'staleMs');
    if (late === undefined)
      throw invalidArgument(place, `staleMs must be finite milliseconds ≥ 0, got ${shown(staleMs)}`);
    if (typeof beta !== 'number' || !(beta >= 0) || beta === Infinity)
      throw invalidArgument(place, `beta must be a finite number ≥ 0, got ${shown(beta)}`);
    const leaseMs = driverTtl(place, loadLeaseMs ?? this.#parts.settings().loadLeaseMs, 'loadLeaseMs');
    return {
      key,
      fullKey,
      tagKeys,
      loader,
      ttlMs: freshMs === undefined ? undefined : freshMs + late,
      staleMs: freshMs === undefined ? 0 : late,
      beta,
      leaseMs: leaseMs ?? this.#parts.settings().loadLeaseMs,
      negativeTtlMs:
        negativeTtlMs === undefined
          ? undefined
          : (driverTtl(place, negativeTtlMs, 'negativeTtlMs') ?? Infinity),
    };
  }

  #near({ key, fullKey }: Wanted): unknown {
    try {
      return this.#parts.near?.read(fullKey, key);
    } catch (error) {
      if (error instanceof CacheDecodeError) return undefined;
      throw error;
    }
  }

  #start(wanted: Wanted): Flight<Outcome> {
    const flight = new Flight<Outcome>(this.#place, wanted.tagKeys);
    this.#flights.set(wanted.fullKey, flight);
    flight.begin(
      () => this.#fetch(wanted, flight),
      () => forget(this.#flights, wanted.fullKey, flight),
    );
    return flight;
  }

  #take(outcome: Outcome, first: boolean): unknown {
    const hit = outcome instanceof Found;
    const result = hit ? (outcome.entry.freshMs > 0 ? 'hit' : 'stale') : first ? 'miss' : 'shared';
    readsCounter.add(1, { cache: this.#place.name, result });
    return hit ? outcome.take() : outcome.loaded;
  }

  async #fetch(wanted: Wanted, flight: Flight<Outcome>): Promise<Outcome> {
    const found = await this.#fleet.lookUp(wanted);
    if (found instanceof Found) {
      if (this.#isDue(wanted, found)) this.#refresh(wanted, found);
      return found;
    }
    const failure = this.#failures.touch(wanted.fullKey);
    if (failure !== undefined) throw failure.value.error;
    return this.#fleet.load(wanted, flight, found);
  }

  #isDue({ beta }: Wanted, { entry: { meta, freshMs } }: Found): boolean {
    if (freshMs <= 0) return true;
    const loadMs = meta?.loadMs ?? 0;
    // of (0, 1]: the logarithm of 0 is not finite
    return refreshesEarly({ freshMs, loadMs, beta, random: 1 - Math.random() });
  }

  /** In the background: whoever reads has the value at hand. A failure is counted as a load, and tried again later. */
  #refresh(wanted: Wanted, { entry }: Found): void {
    const { fullKey, tagKeys } = wanted;
    if (this.#refreshes.has(fullKey) || this.#pauses.touch(fullKey) !== undefined) return;
    const flight = new Flight<Outcome>(this.#place, tagKeys);
    this.#refreshes.set(fullKey, flight);
    flight.begin(
      async () => {
        await this.#fleet.refresh(wanted, flight, entry).catch(() => this.#pause(wanted));
        return { loaded: undefined };
      },
      () => forget(this.#refreshes, fullKey, flight),
    );
  }

  #pause({ fullKey, negativeTtlMs }: Wanted): void {
    this.#pauses.put(fullKey, true, this.#clock.monotonic() + (negativeTtlMs ?? REFRESH_PAUSE_MS));
  }

  #remember({ fullKey, negativeTtlMs }: Wanted, error: unknown): void {
    if (negativeTtlMs !== undefined)
      this.#failures.put(fullKey, { error }, this.#clock.monotonic() + negativeTtlMs);
  }
}

function forget(flights: Map<string, Flight<Outcome>>, fullKey: string, flight: Flight<Outcome>): void {
  if (flights.get(fullKey) === flight) flights.delete(fullKey);
}
