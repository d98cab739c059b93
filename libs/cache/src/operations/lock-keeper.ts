import { randomBytes } from 'node:crypto';
import {
  HeldLease,
  HeldLock,
  InfraContext,
  LockLostError,
  type Clock,
  type LockDriver,
  type LockRequest,
} from '@infra-kit/kernel';
import { closedError, shown, unimplemented, type CachePlace } from '../cache.errors.js';
import type { CacheDriver } from '../drivers/cache-driver.js';
import type { AtomicScript } from '../scripts/atomic-script.js';
import type { CallRunner } from './call-runner.js';
import { keyAbout } from './key-space.js';
import { acquireLock, leaveLock, renewLock } from './lock-scripts.js';
import { LONGEST_PAUSE_MS, WakeUp } from './wake-up.js';

/** Who waits shows up at least once in a pause; who has not for three is taken for dead. */
const PLACE_MS = 3 * LONGEST_PAUSE_MS;
/** A lock whose time is over is asked for a little later: its server counts whole milliseconds. */
const BEYOND_END_MS = 2;

interface Parts {
  readonly place: CachePlace;
  readonly driver: CacheDriver;
  readonly runner: CallRunner;
  readonly clock: Clock;
}

const randomId = (): string => randomBytes(9).toString('base64url');

/** The locks of one cache, all its namespaces together. */
export class LockKeeper {
  readonly #parts: Parts;
  readonly #held = new Map<HeldLock, HeldLease>();
  readonly #closing = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Locks on one key space. */
  driver(fullKey: (key: string) => string): LockDriver {
    return {
      tryGrant: (request) => this.#tryGrant(request, fullKey(request.key)),
      grant: (request) => this.#grant(request, fullKey(request.key)),
    };
  }

  /** Refuses those who wait, and gives back what is held: its holders hear of it before others can have it. */
  async close(): Promise<void> {
    this.#closing.abort(closedError(this.#parts.place));
    const held = [...this.#held];
    for (const [, lease] of held) lease.lose('its cache is closed');
    await Promise.all(held.map(([lock]) => lock.release().catch(() => undefined)));
  }

  async #tryGrant(request: LockRequest, fullKey: string): Promise<HeldLock | undefined> {
    const got = await this.#attempt(request, fullKey, '');
    return got instanceof HeldLock ? got : undefined;
  }

  /** Waits in line: woken when its turn comes, and looking by itself in case that this is not heard. */
  async #grant(request: LockRequest, fullKey: string): Promise<HeldLock> {
    const { driver, clock } = this.#parts;
    const waiter = randomId();
    const signal = AbortSignal.any([request.signal, this.#closing.signal]);
    using wakeUp = new WakeUp({
      notices: driver.notices,
      channel: keyAbout(fullKey, 'lock'),
      concerns: (message) => message === waiter,
      clock,
    });
    try {
      for (;;) {
        signal.throwIfAborted();
        const got = await this.#attempt(request, fullKey, waiter);
        if (got instanceof HeldLock) return got;
        await wakeUp.next(got.ahead === 0 ? got.heldMs + BEYOND_END_MS : Infinity, signal);
      }
    } catch (error) {
      this.#leave(fullKey, '', waiter);
      throw error;
    }
  }

  async #attempt(
    { key, ttlMs, signal }: LockRequest,
    fullKey: string,
    waiter: string,
  ): Promise<HeldLock | { readonly heldMs: number; readonly ahead: number }> {
    const { driver, place, clock } = this.#parts;
    if (this.#closing.signal.aborted) throw closedError(place);
    if (!driver.capabilities.scripts) throw unimplemented(place, 'scripts, which locks need', driver.kind);
    const owner = randomId();
    const sentAt = clock.monotonic();
    try {
      const args = [owner, String(ttlMs), String(PLACE_MS), waiter];
      const reply = await this.#run(acquireLock, fullKey, args, signal);
      if (!('token' in reply)) return reply;
      if (this.#closing.signal.aborted) throw closedError(place);
      const lock = this.#hold({ key, ttlMs, sentAt, owner, fullKey, token: reply.token });
      if (lock.remainingMs() > 0) return lock;
      await lock.release(); // its answer took longer than it lasts
      return { heldMs: 0, ahead: 0 };
    } catch (error) {
      this.#leave(fullKey, owner, ''); // it may have been granted, and nobody would know
      throw error;
    }
  }

  #hold(grant: Grant): HeldLock {
    const { key, ttlMs, owner, token, fullKey, sentAt } = grant;
    const { place, clock } = this.#parts;
    let lock: HeldLock | undefined;
    const lease = new HeldLease({
      clock,
      ttlMs,
      sentAt,
      renew: (signal) => this.#run(renewLock, fullKey, [owner, String(ttlMs), String(token)], signal),
      lost: (why, cause) => {
        if (lock !== undefined) this.#held.delete(lock);
        const message = `${place.label}.locks: lock ${shown(key)} is lost, ${why}; acquire it again and redo`;
        return new LockLostError(message, { component: 'cache', instance: place.name, cause });
      },
    });
    const held = new HeldLock({
      key,
      token,
      lease,
      giveBack: async () => {
        await this.#run(leaveLock, fullKey, [owner, String(PLACE_MS), '']);
        this.#held.delete(held);
      },
    });
    lock = held;
    this.#held.set(held, lease);
    return held;
  }

  /** In the background: without it the store forgets owner and waiter in their time. */
  #leave(fullKey: string, owner: string, waiter: string): void {
    const leaving = InfraContext.detach(() =>
      this.#run(leaveLock, fullKey, [owner, String(PLACE_MS), waiter]),
    );
    leaving.catch(() => undefined);
  }

  async #run<R>(
    script: AtomicScript<R>,
    fullKey: string,
    args: readonly string[],
    signal?: AbortSignal,
  ): Promise<R> {
    const { driver, runner } = this.#parts;
    const keys = [keyAbout(fullKey, 'lock')];
    return script.decode(
      await runner.run(
        'script',
        signal && { signal },
        (call) => driver.run(script, keys, args, call),
        script.name,
      ),
    );
  }
}

interface Grant {
  readonly key: string;
  readonly fullKey: string;
  readonly ttlMs: number;
  /** By the monotonic clock, before the call was sent. */
  readonly sentAt: number;
  readonly owner: string;
  readonly token: bigint;
}
