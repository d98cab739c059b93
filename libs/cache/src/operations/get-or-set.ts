import { withDeadline, type Clock } from '@infra-kit/kernel';
import {
  CacheDecodeError,
  closedError,
  invalidArgument,
  loadRing,
  shown,
  type CachePlace,
} from '../cache.errors.js';
import type { CacheGetOrSetOptions, CacheLoad } from '../cache.provider.js';
import { readsCounter } from '../cache.telemetry.js';
import { LruStore } from '../drivers/memory/lru-store.js';
import { refreshesEarly } from './early-refresh.js';
import { FleetLoads, Found, type FleetParts, type Outcome, type Wanted } from './fleet-loads.js';
import { FailedLoads, MAX_FAILURES } from './failed-loads.js';
import { Flight } from './flight.js';
import { enclosingLoad, waitsFor, type RingLink } from './load-rings.js';
import type { NearEntry } from './near-cache.js';
import type { NearLevel } from './near-level.js';
import type { EntryMeta } from './stored-entry.js';
import { checkOptions, driverTtl } from './write-options.js';

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
  /** Where the near level may put what it has, by the caller's key. */
  readonly aliases?: Map<string, NearEntry> | undefined;
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
  readonly #failures: FailedLoads;
  readonly #pauses: LruStore<true>;

  constructor(parts: Parts) {
    const now = (): number => parts.clock.monotonic();
    this.#place = parts.place;
    this.#clock = parts.clock;
    this.#parts = parts;
    this.#label = `${parts.place.label}.getOrSet`;
    this.#failures = new FailedLoads(parts.tags, now);
    this.#pauses = new LruStore(MAX_FAILURES, now);
    this.#fleet = new FleetLoads({ ...parts, failed: (...failure) => this.#remember(...failure) });
    parts.near?.whenChanged((keys) => this.#changed(keys));
  }

  async run(
    name: EntryName,
    loader: (load: CacheLoad) => Promise<unknown>,
    options: CacheGetOrSetOptions,
  ): Promise<unknown> {
    const wanted = this.#wanted(name, loader, options);
    const near = this.#near(name);
    if (near !== undefined) return this.#parts.runner.answer('get', options, near);
    const waiter: Waiter = { wanted, within: enclosingLoad(), joined: undefined, first: false };
    try {
      // no limit but the caller's own: how long a load may take only the caller knows
      const outcome = await withDeadline(options, Infinity, this.#label, () => this.#wait(waiter));
      return this.#take(outcome, waiter.first);
    } finally {
      this.#leave(waiter);
    }
  }

  /** Shares the load under way, or begins one. A load whose tags were invalidated since is for those alone who came before. */
  async #wait(waiter: Waiter): Promise<Outcome> {
    const { wanted, within } = waiter;
    for (;;) {
      const present = this.#flights.get(wanted.fullKey);
      if (within !== undefined) this.#checkRing(wanted, within, present);
      const flight = present ?? this.#start(wanted);
      waiter.first = present === undefined;
      waiter.joined = flight;
      within?.waitsFor.add(flight);
      const outcome = flight.join();
      if (present === undefined || flight.versions === undefined) return outcome;
      if (await flight.isCurrent((tags) => this.#parts.tags.areCurrent([{ tags }]))) return outcome;
      this.#supersedeFlight(this.#flights, flight);
      this.#leave(waiter);
    }
  }

  #leave(waiter: Waiter): void {
    const { joined, within } = waiter;
    if (joined === undefined) return;
    waiter.joined = undefined;
    within?.waitsFor.delete(joined);
    if (joined.leave()) forget(this.#flights, joined.fullKey, joined);
  }

  #checkRing({ key, fullKey }: Wanted, within: RingLink, present: Flight<Outcome> | undefined): void {
    const own = within instanceof Flight && within.place === this.#place && within.fullKey === fullKey;
    if (own) throw loadRing(this.#place, key, 'that key');
    if (present !== undefined && waitsFor(present, within)) throw loadRing(this.#place, key, 'another key');
  }

  /** A write of the key: loads under way are no longer joined nor stored, and a remembered failure is void. */
  supersede(fullKey: string): void {
    this.#failures.forget(fullKey);
    for (const flights of [this.#flights, this.#refreshes])
      this.#supersedeFlight(flights, flights.get(fullKey));
  }

  supersedePrefix(prefix: string): void {
    const keys = [...this.#flights.keys(), ...this.#refreshes.keys(), ...this.#failures.keys(prefix)];
    for (const key of keys) if (key.startsWith(prefix)) this.supersede(key);
  }

  /** Tags were invalidated: whoever asks from now on does not get what was loading before. */
  supersedeTags(tagKeys: readonly string[]): void {
    this.#failures.forgetTags(tagKeys);
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
    const late = staleMs === 0 ? 0 : staleMs > 0 ? driverTtl(place, staleMs, 'staleMs') : undefined;
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

  #near({ key, fullKey, aliases }: EntryName): unknown {
    try {
      return this.#parts.near?.read(fullKey, key, aliases);
    } catch (error) {
      if (error instanceof CacheDecodeError) return undefined;
      throw error;
    }
  }

  #start(wanted: Wanted): Flight<Outcome> {
    const flight = new Flight<Outcome>(this.#place, wanted);
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
    const failure = await this.#failures.find(wanted.fullKey);
    if (failure !== undefined) throw failure.error;
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
    const { fullKey } = wanted;
    if (this.#refreshes.has(fullKey) || this.#pauses.touch(fullKey) !== undefined) return;
    const flight = new Flight<Outcome>(this.#place, wanted);
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

  #remember({ fullKey, tagKeys, negativeTtlMs }: Wanted, error: unknown, versions: EntryMeta['tags']): void {
    if (negativeTtlMs === undefined) return;
    const until = this.#clock.monotonic() + negativeTtlMs;
    this.#failures.remember(fullKey, { error, tagKeys, versions }, until);
  }

  /** The near level has heard that entries changed: what their loaders read may be from before. */
  #changed(fullKeys: readonly string[]): void {
    for (const flights of [this.#flights, this.#refreshes]) {
      if (flights.size === 0) continue;
      for (const key of fullKeys) {
        const flight = flights.get(key);
        if (flight?.loading === true) this.#supersedeFlight(flights, flight);
      }
    }
  }

  #supersedeFlight(flights: Map<string, Flight<Outcome>>, flight: Flight<Outcome> | undefined): void {
    if (flight === undefined) return;
    forget(flights, flight.fullKey, flight);
    flight.supersede();
  }
}

/** One caller. */
interface Waiter {
  readonly wanted: Wanted;
  /** The load whose loader the caller is. */
  readonly within: RingLink | undefined;
  joined: Flight<Outcome> | undefined;
  /** Whether he began it. */
  first: boolean;
}

function forget(flights: Map<string, Flight<Outcome>>, fullKey: string, flight: Flight<Outcome>): void {
  if (flights.get(fullKey) === flight) flights.delete(fullKey);
}
