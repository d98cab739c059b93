import { InfraContext, InfraError } from '@infra-kit/kernel';
import type { CachePlace } from '../cache.errors.js';
import type { RingLink } from './load-rings.js';
import { SharedRounds } from './shared-rounds.js';
import type { EntryMeta } from './stored-entry.js';

/**
 * One load that several callers wait for. It runs outside the deadline and signal of the caller who began it, and ends
 * early when all callers have left.
 */
export class Flight<T> implements RingLink {
  readonly fullKey: string;
  /** The tags of what is loaded. */
  readonly tagKeys: readonly string[];
  readonly waitsFor = new Set<RingLink>();
  /** The versions that its tags had before the load began, once it has. */
  versions: EntryMeta['tags'];
  /** While the loader runs. */
  loading = false;
  readonly place: CachePlace;
  readonly #outcome = Promise.withResolvers<T>();
  readonly #traceId = InfraContext.traceId();
  readonly #attributes = InfraContext.current()?.attributes;
  #controller: AbortController | undefined;
  #aborted: InfraError | undefined;
  #waiters = 0;
  #superseded: (() => void)[] | true = [];
  #settled = false;
  #currency: SharedRounds<boolean> | undefined;

  constructor(place: CachePlace, { fullKey, tagKeys }: Pick<Flight<T>, 'fullKey' | 'tagKeys'>) {
    this.place = place;
    this.fullKey = fullKey;
    this.tagKeys = tagKeys;
    this.#outcome.promise.catch(() => undefined); // every waiter may have left
  }

  /** Whether its tags still have the versions they had; taken to be so when nobody can say. */
  isCurrent(ask: (tags: EntryMeta['tags']) => Promise<readonly boolean[]>): Promise<boolean> {
    this.#currency ??= new SharedRounds(() =>
      // for all who wait: not within the limits of the one who happens to ask
      InfraContext.detach(() => ask(this.versions)).then(
        ([current]) => current === true,
        () => true,
      ),
    );
    return this.#currency.answer();
  }

  /** A write of the key has overtaken the load, or nobody waits: its value is not stored. */
  get superseded(): boolean {
    return this.#superseded === true;
  }

  supersede(): void {
    if (this.#superseded === true) return;
    const told = this.#superseded;
    this.#superseded = true;
    for (const each of told) each();
  }

  /** Calls `fn` when it is superseded, or now. */
  whenSuperseded(fn: () => void): void {
    if (this.#superseded === true) fn();
    else this.#superseded.push(fn);
  }

  /** Made when a loader is there to hear it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted) this.#controller.abort(this.#aborted);
    return this.#controller.signal;
  }

  /** Starts the work; called once. */
  begin(work: () => Promise<T>, ended: () => void): void {
    const settle = (how: () => void): void => {
      this.#settled = true;
      how();
      ended();
    };
    const running = InfraContext.current() === undefined ? work() : InfraContext.detach(work);
    running.then(
      (value) => settle(() => this.#outcome.resolve(value)),
      (error: unknown) => settle(() => this.#outcome.reject(error)),
    );
  }

  /** Runs a part of the work in a context with the first caller's trace and the flight's own signal. */
  inContext<R>(part: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { signal } = this;
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return InfraContext.run({ traceId: this.#traceId, attributes: this.#attributes, signal }, () =>
      part(signal),
    );
  }

  /** Each `join` is followed by one `leave`. */
  join(): Promise<T> {
    this.#waiters++;
    return this.#outcome.promise;
  }

  /** True when that was the last one and the load is cancelled. */
  leave(): boolean {
    this.#waiters--;
    if (this.#waiters > 0 || this.#settled) return false;
    const message = `${this.place.label}.getOrSet: nobody waits for this load any more`;
    this.abort(new InfraError('CANCELLED', message, { component: 'cache', instance: this.place.name }));
    return true;
  }

  /** Ends the wait now, whether the loader heeds its signal or not. */
  abort(reason: InfraError): void {
    this.supersede();
    this.#aborted = reason;
    this.#controller?.abort(reason);
    this.#outcome.reject(reason);
  }
}
