import { randomUUID } from 'node:crypto';
import type { CacheProvider } from '@infra-kit/cache';
import { InfraContext, type Clock, type Logger, type Timer } from '@infra-kit/kernel';
import type { BreakerShareConfig } from '../breaker.config.js';
import { exchangesCounter } from '../breaker.telemetry.js';
import { encodeName, exchangeViews } from './exchange-views.script.js';

/** A breaker as the fleet sees it. */
export interface OpenBreaker {
  readonly name: string;
  /** Above 0 while it is open by what this instance saw itself. */
  readonly ownOpenMs: number;
}

interface FleetParts {
  readonly cache: CacheProvider;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The provider's name, for metrics. */
  readonly provider: string;
  /** Where the service's views are kept. */
  readonly key: string;
  readonly settings: BreakerShareConfig;
  /** Opens a breaker here because a quorum sees it failing. */
  readonly open: (breaker: string) => void;
}

/** A view outlives some exchanges that fail. */
const TTL_INTERVALS = 3;
/** Breakers that one instance reports at most. */
const MOST = 1000;

/**
 * What the other instances of the service see. One exchange an interval, and one at once when a breaker opens here; never
 * on the way of a call. An instance reports what it saw itself, never what the fleet told it, so that views do not feed
 * each other. A quorum opens a breaker once, when it comes about: after that its own probes decide.
 */
export class FleetView {
  readonly #parts: FleetParts;
  readonly #instance = randomUUID();
  readonly #mine = new Set<OpenBreaker>();
  #failing: ReadonlySet<string> = new Set();
  #away = false;
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  #exchange: Promise<void> | undefined;
  #again = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
  }

  /** True while the cache does not answer: every instance decides by itself. */
  get away(): boolean {
    return this.#away;
  }

  isFailing(breaker: string): boolean {
    return this.#failing.has(breaker);
  }

  start(): void {
    const { clock, settings } = this.#parts;
    this.#timer = InfraContext.detach(() => clock.setInterval(() => this.#soon(), settings.intervalMs));
    this.#timer.unref();
    this.#soon();
  }

  /** A breaker opened here by itself: the others are told at once. */
  opened(breaker: OpenBreaker): void {
    this.#mine.add(breaker);
    this.#soon();
  }

  /** Ends the exchange under way; its view is forgotten when its ttl has passed. */
  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#stop.abort();
  }

  #soon(): void {
    if (this.#timer === undefined) return;
    this.#again = this.#exchange !== undefined;
    this.#exchange ??= InfraContext.detach(() => this.#run());
  }

  async #run(): Promise<void> {
    do {
      this.#again = false;
      await this.#exchangeOnce();
    } while (this.#again && !this.#stop.signal.aborted);
    this.#exchange = undefined;
  }

  /** Never rejects. */
  async #exchangeOnce(): Promise<void> {
    const { cache, key, settings, provider } = this.#parts;
    const { intervalMs } = settings;
    const limits = { timeoutMs: intervalMs, signal: this.#stop.signal };
    for (const breaker of this.#mine) if (breaker.ownOpenMs <= 0) this.#mine.delete(breaker);
    const names = [...this.#mine].slice(0, MOST).map(({ name }) => encodeName(name));
    try {
      const args = [this.#instance, intervalMs * TTL_INTERVALS, ...names];
      const counts = await cache.scripts.run(exchangeViews, [key], args, limits);
      exchangesCounter.add(1, { provider, outcome: 'ok' });
      this.#back();
      this.#take(counts);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      exchangesCounter.add(1, { provider, outcome: 'failed' });
      this.#lost(error);
    }
  }

  #take(counts: ReadonlyMap<string, number>): void {
    const before = this.#failing;
    const { settings, open } = this.#parts;
    this.#failing = new Set([...counts].filter(([, seen]) => seen >= settings.quorum).map(([name]) => name));
    for (const name of this.#failing) if (!before.has(name)) open(name);
  }

  #back(): void {
    if (this.#away) this.#parts.logger.info('breakers share their views again');
    this.#away = false;
  }

  #lost(error: unknown): void {
    if (!this.#away) this.#parts.logger.warn('breakers decide locally, the cache is away', { err: error });
    this.#away = true;
    this.#failing = new Set();
  }
}
