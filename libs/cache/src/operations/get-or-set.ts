import { isInfraError, withDeadline, type Clock } from '@infra-kit/kernel';
import type { CacheConfig } from '../cache.config.js';
import {
  CacheDecodeError,
  closedError,
  invalidArgument,
  shown,
  tooManyLoads,
  type CachePlace,
} from '../cache.errors.js';
import type { CacheGetOrSetOptions, CacheLoad } from '../cache.provider.js';
import { fallbackCounter, loadsCounter, readsCounter } from '../cache.telemetry.js';
import type { CacheDriver, Encoded } from '../drivers/cache-driver.js';
import { LruStore } from '../drivers/memory/lru-store.js';
import type { CallRunner } from './call-runner.js';
import { Flight } from './flight.js';
import { LoadLimit } from './load-limit.js';
import type { NearLevel } from './near-level.js';
import type { ValueCodec } from './value-codec.js';
import { checkOptions, driverTtl } from './write-options.js';

/** Failures remembered at once; the least recently used is forgotten. */
const MAX_FAILURES = 1000;

/** A stored value: the first taker gets what was decoded to see that it can be, each further one a copy of its own. */
class Found {
  readonly #decode: () => unknown;
  #first: { readonly value: unknown } | undefined;

  constructor(decode: () => unknown) {
    this.#decode = decode;
    this.#first = { value: decode() };
  }

  take(): unknown {
    const first = this.#first;
    this.#first = undefined;
    return first === undefined ? this.#decode() : first.value;
  }
}

/** What was found, or what the loader gave, which all waiters share. */
type Outcome = Found | { readonly loaded: unknown };

interface Wanted {
  readonly key: string;
  readonly fullKey: string;
  readonly loader: (load: CacheLoad) => Promise<unknown>;
  readonly ttlMs: number | undefined;
  readonly negativeTtlMs: number | undefined;
}

interface Parts {
  readonly place: CachePlace;
  readonly driver: CacheDriver;
  readonly runner: CallRunner;
  readonly values: ValueCodec;
  readonly clock: Clock;
  readonly near: NearLevel | undefined;
  readonly settings: () => Pick<CacheConfig, 'maxFallbackLoads'>;
}

/** `getOrSet`: one load a key in this process, and the source itself while the server is away. */
export class GetOrSet {
  readonly #parts: Parts;
  readonly #label: string;
  readonly #flights = new Map<string, Flight<Outcome>>();
  readonly #failures: LruStore<{ readonly error: unknown }>;
  readonly #fallback: LoadLimit;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#label = `${parts.place.label}.getOrSet`;
    this.#failures = new LruStore(MAX_FAILURES, () => parts.clock.monotonic());
    this.#fallback = new LoadLimit(
      () => parts.settings().maxFallbackLoads,
      (limit) => tooManyLoads(parts.place, limit),
    );
  }

  async run(
    key: string,
    fullKey: string,
    loader: (load: CacheLoad) => Promise<unknown>,
    options: CacheGetOrSetOptions,
  ): Promise<unknown> {
    const wanted = this.#wanted(key, fullKey, loader, options);
    const near = this.#near(wanted);
    if (near !== undefined) return this.#parts.runner.answer('get', options, near);
    let joined: Flight<Outcome> | undefined;
    let first = false;
    try {
      // no limit but the caller's own: how long a load may take only the caller knows
      const outcome = await withDeadline(options, Infinity, this.#label, () => {
        const present = this.#flights.get(fullKey);
        first = present === undefined;
        joined = present ?? this.#start(wanted);
        return joined.join();
      });
      return this.#take(outcome, first);
    } finally {
      if (joined?.leave() === true) this.#forget(fullKey, joined);
    }
  }

  /** A write of the key: loads under way are no longer joined nor stored, and a remembered failure is void. */
  supersede(fullKey: string): void {
    if (this.#failures.size > 0) this.#failures.delete(fullKey);
    const flight = this.#flights.get(fullKey);
    if (flight === undefined) return;
    flight.superseded = true;
    this.#flights.delete(fullKey);
  }

  supersedePrefix(prefix: string): void {
    for (const key of [...this.#flights.keys(), ...this.#failures.keys(prefix)])
      if (key.startsWith(prefix)) this.supersede(key);
  }

  close(): void {
    for (const flight of this.#flights.values()) flight.abort(closedError(this.#parts.place));
    this.#flights.clear();
    this.#failures.clear();
  }

  #wanted(
    key: string,
    fullKey: string,
    loader: (load: CacheLoad) => Promise<unknown>,
    options: CacheGetOrSetOptions,
  ): Wanted {
    const { place, runner } = this.#parts;
    if (runner.closed) throw closedError(place);
    if (typeof loader !== 'function')
      throw invalidArgument(place, `loader must be a function, got ${shown(loader)}`);
    checkOptions(place, options);
    const { ttlMs, negativeTtlMs } = options ?? {};
    return {
      key,
      fullKey,
      loader,
      ttlMs: driverTtl(place, ttlMs),
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
    const flight = new Flight<Outcome>(this.#parts.place);
    this.#flights.set(wanted.fullKey, flight);
    flight.begin(
      () => this.#fetch(wanted, flight),
      () => this.#forget(wanted.fullKey, flight),
    );
    return flight;
  }

  #forget(fullKey: string, flight: Flight<Outcome>): void {
    if (this.#flights.get(fullKey) === flight) this.#flights.delete(fullKey);
  }

  #take(outcome: Outcome, first: boolean): unknown {
    const hit = outcome instanceof Found;
    readsCounter.add(1, { cache: this.#parts.place.name, result: hit ? 'hit' : first ? 'miss' : 'shared' });
    return hit ? outcome.take() : outcome.loaded;
  }

  async #fetch(wanted: Wanted, flight: Flight<Outcome>): Promise<Outcome> {
    const found = await this.#lookUp(wanted);
    if (found instanceof Found) return found;
    const failure = this.#failures.touch(wanted.fullKey);
    if (failure !== undefined) throw failure.value.error;
    const loaded = await this.#load(wanted, flight, found === 'away');
    if (loaded === undefined)
      throw invalidArgument(
        this.#parts.place,
        `the loader gave undefined for key ${shown(wanted.key)}; give null to say there is none`,
      );
    const data = this.#parts.values.encode(wanted.key, loaded);
    if (!flight.superseded) await this.#store(wanted, data);
    return { loaded };
  }

  async #lookUp({ key, fullKey }: Wanted): Promise<Found | 'miss' | 'away'> {
    const { driver, runner, values } = this.#parts;
    if (driver.state === 'down') return 'away';
    try {
      const found = await runner.run('get', undefined, (call) => driver.get(fullKey, call), key);
      return found === undefined ? 'miss' : new Found(() => values.decode(key, found));
    } catch (error) {
      if (error instanceof CacheDecodeError) return 'miss';
      if (isAway(error)) return 'away';
      throw error;
    }
  }

  async #load(wanted: Wanted, flight: Flight<Outcome>, away: boolean): Promise<unknown> {
    const cache = this.#parts.place.name;
    const load = (signal: AbortSignal): Promise<unknown> => this.#ask(wanted, flight, signal);
    if (away) fallbackCounter.add(1, { cache });
    try {
      const value = await flight.inContext((signal) =>
        away ? this.#fallback.run(() => load(signal), signal) : load(signal),
      );
      loadsCounter.add(1, { cache, outcome: 'ok' });
      return value;
    } catch (error) {
      loadsCounter.add(1, { cache, outcome: flight.signal.aborted ? 'cancelled' : 'failed' });
      throw error;
    }
  }

  async #ask(
    { loader, fullKey, negativeTtlMs }: Wanted,
    flight: Flight<Outcome>,
    signal: AbortSignal,
  ): Promise<unknown> {
    try {
      return await loader({ signal });
    } catch (error) {
      if (negativeTtlMs !== undefined && !flight.superseded)
        this.#failures.put(fullKey, { error }, this.#parts.clock.monotonic() + negativeTtlMs);
      throw error;
    }
  }

  /** A value that was loaded is worth having, stored or not; the failure is counted by the runner. */
  async #store({ key, fullKey, ttlMs }: Wanted, data: Encoded): Promise<void> {
    const { driver, runner } = this.#parts;
    if (driver.state === 'down') return;
    await runner
      .run('set', undefined, (call) => driver.set(fullKey, data, { ttlMs }, call), key)
      .catch(() => undefined);
  }
}

function isAway(error: unknown): boolean {
  return isInfraError(error) && (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED');
}
