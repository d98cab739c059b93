import { InfraContext, messageOf, type Timer } from '@infra-kit/kernel';
import { differenceTo, type KeyChange, type Listing } from '../configuration/list-difference.js';
import { coordError } from '../coord.errors.js';
import type { KeyRange, WatchSignal } from '../drivers/coord-driver.js';
import type { CoordEngine } from './coord-engine.js';
import { mayPass } from './may-pass.js';
import type { RangeNews } from './range-news.js';

export interface FollowOptions {
  /** Ends it, without an error. */
  readonly signal: AbortSignal;
  /** What the follower knows already; without it, the present state is told first. */
  readonly start?: Listing | undefined;
  /** Tells of every change from this revision on, in place of the present state. */
  readonly fromRevision?: bigint | undefined;
}

/** Revisions that wait for a slow follower; beyond it the watch is let go, and taken up again when they are told. */
const MOST_QUEUED = 1000;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 2000;
/** How long changes on their way to us may take before a full list that knows more means that they were lost. */
const RESYNC_GRACE_MS = 1000;

/**
 * Follows a range of keys for good: a list at revision R, then every change from R + 1 on. No gap, no repeat, never
 * backwards. Connections that are lost are the driver's business; after compaction, and when a regular full list shows
 * that something is missing, it lists again and tells the difference. Waits for a store that is away. Ends with an
 * error only where waiting is no use: no permission, coord closed, `fromRevision` compacted (FAILED_PRECONDITION).
 */
class RangeFollower {
  readonly #engine: CoordEngine;
  readonly #range: KeyRange;
  readonly #options: FollowOptions;
  readonly #known = new Map<string, bigint>();
  readonly #queue: WatchSignal[] = [];
  /** Everything up to this revision has been told. */
  #told = 0n;
  #watch: Disposable | undefined;
  #overflown = false;
  /** Nothing has come from `fromRevision` on yet: what is compacted is owed. */
  #owing = false;
  #wake = Promise.withResolvers<void>();
  #timer: Timer | undefined;
  /** The store is at an older revision than has been told, and that was said. */
  #behind = false;
  /** A full list that knew more than has been told; looked at again when what is under way has had time to arrive. */
  #suspect: { readonly listing: Listing; readonly ripe: boolean } | undefined;

  constructor(engine: CoordEngine, range: KeyRange, options: FollowOptions) {
    this.#engine = engine;
    this.#range = range;
    this.#options = options;
  }

  async *news(): AsyncGenerator<RangeNews> {
    const { signal } = this.#options;
    const wake = (): void => this.#wake.resolve();
    signal.addEventListener('abort', wake);
    try {
      yield* this.#begin();
      this.#scheduleResync();
      while (!signal.aborted) {
        const next = this.#queue.shift();
        if (next !== undefined) yield* this.#take(next);
        else if (this.#overflown) this.#attach();
        else if (this.#suspect?.ripe === true) yield* this.#repair(this.#suspect.listing);
        else await this.#idle();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', wake);
      this.#timer?.[Symbol.dispose]();
      this.#detach();
    }
  }

  async *#begin(): AsyncGenerator<RangeNews> {
    const { start, fromRevision, signal } = this.#options;
    if (signal.aborted) return;
    const listing = start ?? (await this.#list());
    if (signal.aborted) return;
    for (const { key, revision } of listing.entries) this.#known.set(key, revision);
    if (fromRevision === undefined) {
      this.#told = listing.revision;
      const changes = differenceTo(new Map(), listing);
      if (start === undefined) yield { type: 'changes', revision: listing.revision, changes, listing };
    } else {
      this.#told = fromRevision - 1n;
      this.#owing = true;
    }
    this.#attach();
  }

  async *#take(signal: WatchSignal): AsyncGenerator<RangeNews> {
    switch (signal.type) {
      case 'changes':
        this.#owing = false;
        if (signal.revision <= this.#told) return;
        this.#told = signal.revision;
        yield {
          type: 'changes',
          revision: signal.revision,
          changes: signal.events.map((event) => this.#note(event, signal.revision)),
        };
        return;
      case 'attached':
        yield signal;
        return;
      case 'interrupted':
        yield signal;
        return;
      case 'compacted':
        yield* this.#relist();
        return;
      case 'failed':
        throw this.#engine.runner.wrap('watch', signal.error);
    }
  }

  #note(event: Extract<WatchSignal, { type: 'changes' }>['events'][number], revision: bigint): KeyChange {
    if (event.type === 'delete') {
      this.#known.delete(event.key);
      return { type: 'delete', key: event.key, revision };
    }
    this.#known.set(event.kv.key, revision);
    return { type: 'put', key: event.kv.key, value: event.kv.value, revision };
  }

  async *#relist(): AsyncGenerator<RangeNews> {
    this.#detach();
    if (this.#owing)
      throw coordError(
        this.#engine.place,
        'FAILED_PRECONDITION',
        `watch from revision ${this.#options.fromRevision}: the store has compacted it away; watch without fromRevision to start from the present state`,
      );
    yield* this.#tell(await this.#list());
  }

  /** The regular list knew more than the watch has told within the grace: the watch is broken. */
  async *#repair(listing: Listing): AsyncGenerator<RangeNews> {
    this.#suspect = undefined;
    this.#scheduleResync();
    if (this.#told >= listing.revision || differenceTo(this.#known, listing).length === 0) return;
    this.#engine.logger.warn('a watch has missed changes; the full list makes up for them', this.#place());
    this.#detach();
    yield* this.#tell(listing);
  }

  /** Brings the follower to `listing`, and goes on from there. */
  async *#tell(listing: Listing): AsyncGenerator<RangeNews> {
    if (listing.revision < this.#told) this.#older(listing.revision);
    else {
      const changes = differenceTo(this.#known, listing).filter(
        (change) => change.type === 'delete' || change.revision > this.#told,
      );
      this.#known.clear();
      for (const { key, revision } of listing.entries) this.#known.set(key, revision);
      this.#told = listing.revision;
      if (changes.length > 0) yield { type: 'changes', revision: listing.revision, changes, listing };
    }
    this.#attach();
  }

  /** Said once, until it has passed it. */
  #older(storeRevision: bigint): void {
    if (this.#behind) return;
    this.#behind = true;
    this.#engine.logger.error(
      'the store is at an older revision than it was (restored from a backup?): changes are told again when it has passed it',
      { ...this.#place(), storeRevision },
    );
  }

  #place(): object {
    return { range: this.#range, toldRevision: this.#told };
  }

  #attach(): void {
    this.#overflown = false;
    if (this.#options.signal.aborted) return;
    this.#watch = this.#engine.driver.watch(this.#range, this.#told + 1n, (signal) => this.#hear(signal));
  }

  #detach(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#queue.length = 0;
  }

  #hear(signal: WatchSignal): void {
    this.#queue.push(signal);
    if (this.#queue.length >= MOST_QUEUED) {
      this.#watch?.[Symbol.dispose]();
      this.#watch = undefined;
      this.#overflown = true;
    }
    this.#wake.resolve();
  }

  async #idle(): Promise<void> {
    await this.#wake.promise;
    this.#wake = Promise.withResolvers();
  }

  #scheduleResync(): void {
    this.#after(this.#engine.settings().resyncIntervalMs, () => void this.#resync());
  }

  #after(ms: number, fn: () => void): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = InfraContext.detach(() => this.#engine.clock.setTimeout(fn, ms));
    this.#timer.unref();
  }

  async #resync(): Promise<void> {
    const told = this.#told;
    try {
      const listing = await this.#listOnce();
      if (listing.revision < told) {
        this.#older(listing.revision);
        return this.#scheduleResync();
      }
      this.#behind = false;
      if (differenceTo(this.#known, listing).length === 0) return this.#scheduleResync();
      this.#suspect = { listing, ripe: false };
      this.#after(RESYNC_GRACE_MS, () => {
        this.#suspect = { listing, ripe: true };
        this.#wake.resolve();
      });
    } catch (error) {
      if (this.#options.signal.aborted) return;
      this.#engine.logger.debug('no full list now; again later', { ...this.#place(), err: error });
      this.#scheduleResync();
    }
  }

  /** Waits for the store where that is of use. */
  async #list(): Promise<Listing> {
    const { clock, logger } = this.#engine;
    for (let pauseMs = RETRY_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS)) {
      try {
        return await this.#listOnce();
      } catch (error) {
        if (!mayPass(error)) throw error;
        if (pauseMs === RETRY_FIRST_MS)
          logger.warn('cannot list yet, asking again', { range: this.#range, err: messageOf(error) });
      }
      // spread over the upper half, so that a fleet does not ask in step
      await clock.sleep(pauseMs * (0.5 + Math.random() / 2), this.#options.signal);
    }
  }

  async #listOnce(): Promise<Listing> {
    const { runner, driver } = this.#engine;
    const limits = { signal: this.#options.signal };
    const { kvs, revision } = await InfraContext.detach(() =>
      runner.run('range', limits, (call) => driver.range(this.#range, call)),
    );
    return {
      revision,
      entries: kvs.map(({ key, value, modRevision }) => ({ key, value, revision: modRevision })),
    };
  }
}

/** Subscribed at the first `next()`; see `RangeFollower`. */
export function followRange(
  engine: CoordEngine,
  range: KeyRange,
  options: FollowOptions,
): AsyncGenerator<RangeNews> {
  return new RangeFollower(engine, range, options).news();
}
