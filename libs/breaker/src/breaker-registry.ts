import type { Now } from './circuit/outcome-window.js';
import type { GuardedBreaker } from './call/guarded-breaker.js';

interface Entry {
  /** Weak: forgotten, unless somebody else holds on to it. */
  held: GuardedBreaker | WeakRef<GuardedBreaker>;
  /** When it was last known to be used; monotonic milliseconds. */
  seenAt: number;
}

/** Looks at least so often within the idle time, where anything happens at all. */
const LOOKS = 4;

/**
 * Breakers by name. Calls read no clock, they only leave a mark; whoever asks for a new name or for all looks at the marks,
 * so that nothing needs a timer. An unused breaker is kept weakly: a service that holds it keeps the one of that name.
 */
export class BreakerRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #now: Now;
  #idleMs: number;
  #lookedAt: number;

  constructor(now: Now, idleMs: number) {
    this.#now = now;
    this.#idleMs = idleMs;
    this.#lookedAt = now();
  }

  set idleMs(idleMs: number) {
    this.#idleMs = idleMs;
  }

  find(name: string): GuardedBreaker | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const breaker = strong(entry.held);
    if (breaker === undefined) return undefined;
    entry.held = breaker;
    breaker.used = true;
    return breaker;
  }

  /** It is used: if it is on its way to be forgotten, it stays. */
  keep(name: string): void {
    const entry = this.#entries.get(name);
    const breaker = entry && strong(entry.held);
    if (breaker) entry.held = breaker;
  }

  add(breaker: GuardedBreaker): void {
    const now = this.#now();
    if (now - this.#lookedAt >= this.#idleMs / LOOKS) this.#look(now);
    this.#entries.set(breaker.name, { held: breaker, seenAt: now });
  }

  /** Those that are not forgotten. */
  all(): GuardedBreaker[] {
    this.#look(this.#now());
    return this.present();
  }

  /** The same without a look at who has been idle. */
  present(): GuardedBreaker[] {
    return [...this.#entries.values()].flatMap(({ held }) => (held instanceof WeakRef ? [] : [held]));
  }

  /** Those that are forgotten and still alive included. */
  every(): GuardedBreaker[] {
    return [...this.#entries.values()].map(({ held }) => strong(held)).filter((held) => held !== undefined);
  }

  #look(now: number): void {
    this.#lookedAt = now;
    for (const [name, entry] of this.#entries) {
      const breaker = strong(entry.held);
      if (breaker === undefined) this.#entries.delete(name);
      else this.#lookAt(entry, breaker, now);
    }
  }

  #lookAt(entry: Entry, breaker: GuardedBreaker, now: number): void {
    if (breaker.used) {
      breaker.used = false;
      entry.seenAt = now;
      entry.held = breaker;
    } else if (now - entry.seenAt >= this.#idleMs && breaker.idle) entry.held = new WeakRef(breaker);
  }
}

function strong(held: GuardedBreaker | WeakRef<GuardedBreaker>): GuardedBreaker | undefined {
  return held instanceof WeakRef ? held.deref() : held;
}
