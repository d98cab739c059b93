import { isInfraError, type Clock } from '@infra-kit/kernel';
import type { CacheConfig } from '../cache.config.js';
import { CacheDecodeError, NoValueError, tooManyLoads, type CachePlace } from '../cache.errors.js';
import type { CacheLoad } from '../cache.provider.js';
import { fallbackCounter, loadsCounter } from '../cache.telemetry.js';
import type { CacheDriver } from '../drivers/cache-driver.js';
import type { CallRunner } from './call-runner.js';
import type { EntryReader, TimedEntry } from './entry-reader.js';
import type { Flight } from './flight.js';
import { LoadLeases, type LoadLease } from './load-leases.js';
import { LoadLimit } from './load-limit.js';
import { runLoader } from './load-rings.js';
import type { EntryMeta } from './stored-entry.js';
import type { TagVersions } from './tag-versions.js';
import type { ValueCodec } from './value-codec.js';

/** A stored value: the first taker gets what was decoded to see that it can be, each further one a copy of its own. */
export class Found {
  readonly entry: TimedEntry;
  readonly #decode: () => unknown;
  #first: { readonly value: unknown } | undefined;

  constructor(entry: TimedEntry, decode: () => unknown) {
    this.entry = entry;
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
export type Outcome = Found | { readonly loaded: unknown };

export interface Wanted {
  readonly key: string;
  readonly fullKey: string;
  readonly loader: (load: CacheLoad) => Promise<unknown>;
  /** Fresh and stale time together; undefined: for good. */
  readonly ttlMs: number | undefined;
  readonly staleMs: number;
  readonly negativeTtlMs: number | undefined;
  readonly tagKeys: readonly string[];
  readonly beta: number;
  readonly leaseMs: number;
}

export interface FleetParts {
  readonly place: CachePlace;
  readonly driver: CacheDriver;
  readonly runner: CallRunner;
  readonly values: ValueCodec;
  readonly entries: EntryReader;
  readonly tags: TagVersions;
  readonly clock: Clock;
  readonly settings: () => Pick<CacheConfig, 'maxFallbackLoads' | 'loadLeaseMs'>;
  /** Told of each loader that threw. */
  readonly failed: (wanted: Wanted, error: unknown, versions: EntryMeta['tags']) => void;
}

/** Looking up, loading and storing: one load a key in the fleet, and the source itself while the server is away. */
export class FleetLoads {
  readonly #parts: FleetParts;
  readonly #leases: LoadLeases;
  readonly #fallback: LoadLimit;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    this.#leases = new LoadLeases(parts);
    this.#fallback = new LoadLimit(
      () => parts.settings().maxFallbackLoads,
      (limit) => tooManyLoads(parts.place, limit),
    );
  }

  leasesReturned(): Promise<void> {
    return this.#leases.returned();
  }

  async lookUp({ key, fullKey, tagKeys }: Wanted): Promise<Found | 'miss' | 'away'> {
    const { driver, entries, values } = this.#parts;
    if (driver.state === 'down') return 'away';
    try {
      const entry = await entries.timed(key, fullKey, tagKeys);
      return entry === undefined ? 'miss' : new Found(entry, () => values.decode(key, entry.data));
    } catch (error) {
      if (error instanceof CacheDecodeError) return 'miss';
      if (isAway(error)) return 'away';
      throw error;
    }
  }

  /** For what was looked up in vain. */
  async load(wanted: Wanted, flight: Flight<Outcome>, how: 'miss' | 'away'): Promise<Outcome> {
    if (how === 'away') return this.#fromSource(wanted, flight);
    if (!this.#leases.possible) return this.#make(wanted, flight);
    let begun = false;
    try {
      using wakeUp = this.#leases.wakeUp(wanted.fullKey);
      for (;;) {
        const lease = await this.#leases.claim(wanted.fullKey, wanted.leaseMs);
        begun = typeof lease !== 'number';
        if (typeof lease !== 'number') return await this.#underLease(wanted, flight, lease);
        await wakeUp.next(lease, flight.signal);
        const found = await this.lookUp(wanted);
        if (found instanceof Found) return found;
        if (found === 'away') break;
      }
    } catch (error) {
      if (begun || !takesNoWrite(error) || flight.signal.aborted) throw error;
    }
    return this.#fromSource(wanted, flight);
  }

  /** Loads anew what was `seen`, unless another process does, or has done so since. */
  async refresh(wanted: Wanted, flight: Flight<Outcome>, seen: TimedEntry): Promise<void> {
    if (!this.#leases.possible) return void (await this.#make(wanted, flight));
    const lease = await this.#leases.claim(wanted.fullKey, wanted.leaseMs);
    if (typeof lease === 'number') return;
    flight.whenSuperseded(() => void lease.giveBack());
    try {
      const now = await this.lookUp(wanted);
      const renewed = now instanceof Found && now.entry.leftMs > seen.leftMs;
      if (now !== 'away' && !renewed) await this.#make(wanted, flight, lease);
    } finally {
      void lease.giveBack();
    }
  }

  async #underLease(wanted: Wanted, flight: Flight<Outcome>, lease: LoadLease): Promise<Outcome> {
    flight.whenSuperseded(() => void lease.giveBack()); // another load may begin
    try {
      // another may have stored it between our look and our lease
      const found = await this.lookUp(wanted);
      if (found instanceof Found) return found;
      return found === 'away'
        ? await this.#fromSource(wanted, flight)
        : await this.#make(wanted, flight, lease);
    } finally {
      void lease.giveBack();
    }
  }

  /** Without the server: nothing is read, leased or stored. */
  async #fromSource(wanted: Wanted, flight: Flight<Outcome>): Promise<Outcome> {
    fallbackCounter.add(1, { cache: this.#parts.place.name });
    const loaded = await this.#load(wanted, flight, (load, signal) => this.#fallback.run(load, signal));
    this.#encode(wanted, loaded);
    return { loaded };
  }

  /** Loads and stores. */
  async #make(wanted: Wanted, flight: Flight<Outcome>, lease?: LoadLease): Promise<Outcome> {
    const { clock, tags } = this.#parts;
    const { ttlMs, staleMs, beta, tagKeys } = wanted;
    const versions = await tags.ensure(tagKeys, ttlMs, undefined).catch((error: unknown) => {
      if (takesNoWrite(error)) return 'away' as const;
      throw error;
    });
    if (versions === 'away') return this.#fromSource(wanted, flight);
    flight.versions = versions;
    const startedAt = clock.monotonic();
    const loaded = await this.#load(wanted, flight, (load) => load());
    const tookMs = Math.round(clock.monotonic() - startedAt);
    const data = this.#encode(wanted, loaded, {
      staleMs: staleMs === 0 ? undefined : staleMs,
      loadMs: beta > 0 && tookMs > 0 && ttlMs !== undefined ? tookMs : undefined,
      tags: versions,
    });
    if (!flight.superseded && lease?.isHeld() !== false) await this.#store(wanted, data);
    return { loaded };
  }

  #encode({ key }: Wanted, loaded: unknown, meta?: EntryMeta): ReturnType<ValueCodec['encode']> {
    const { place, values } = this.#parts;
    if (loaded !== undefined) return values.encode(key, loaded, meta);
    throw new NoValueError(place, key);
  }

  async #load(
    wanted: Wanted,
    flight: Flight<Outcome>,
    run: (load: () => Promise<unknown>, signal: AbortSignal) => Promise<unknown>,
  ): Promise<unknown> {
    const cache = this.#parts.place.name;
    try {
      const value = await flight.inContext((signal) => run(() => this.#ask(wanted, flight, signal), signal));
      loadsCounter.add(1, { cache, outcome: 'ok' });
      return value;
    } catch (error) {
      loadsCounter.add(1, { cache, outcome: flight.signal.aborted ? 'cancelled' : 'failed' });
      throw error;
    }
  }

  async #ask(wanted: Wanted, flight: Flight<Outcome>, signal: AbortSignal): Promise<unknown> {
    flight.loading = true;
    try {
      return await runLoader(flight, () => wanted.loader({ signal }));
    } catch (error) {
      if (!flight.superseded) this.#parts.failed(wanted, error, flight.versions);
      throw error;
    } finally {
      flight.loading = false;
    }
  }

  /** A value that was loaded is worth having, stored or not; the failure is counted by the runner. */
  async #store({ key, fullKey, ttlMs }: Wanted, data: ReturnType<ValueCodec['encode']>): Promise<void> {
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

/** Away, or out of memory: what is loaded can be handed out all the same. */
function takesNoWrite(error: unknown): boolean {
  return isAway(error) || (isInfraError(error) && error.code === 'RESOURCE_EXHAUSTED');
}
