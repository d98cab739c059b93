import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { isInfraError, type InfraErrorCode } from '../errors/infra-error.js';
import type { Lock, LockService } from '../ports/lock.js';
import { eventually } from './eventually.js';

/** The two functions of any test runner: jest, vitest, node:test. */
export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

/** One process' view of the locks: a service of its own, on the store that all members of a test share. */
export interface LockSuiteMember {
  readonly locks: LockService;
  /** From now on its calls to the store fail, as with the network gone. */
  cut(): void;
  /** Calls reach the store again. */
  heal(): void;
  /** Closes the component; what it holds is given back, who waits is refused. */
  close(): Promise<void>;
}

export interface LockSuiteTarget {
  readonly name: string;
  /** A further member. The suite closes it. */
  readonly open: () => Promise<LockSuiteMember>;
  /** A ttl for tests that wait until it is over; as short as store and machine allow. Milliseconds. */
  readonly ttlMs: number;
  /** True: whoever waits first gets the lock first. */
  readonly fair: boolean;
  /** Moves the time of store and members; absent: real time. */
  readonly passTime?: ((ms: number) => Promise<void>) | undefined;
  /** Monotonic milliseconds of the same time; absent: real time. */
  readonly now?: (() => number) | undefined;
}

/** What a test of the suite works with. */
export class LockBench {
  readonly ttlMs: number;
  readonly fair: boolean;
  readonly fakeTime: boolean;
  /** A key no other test uses. */
  readonly key = `suite-${randomBytes(6).toString('hex')}`;
  readonly #target: LockSuiteTarget;
  readonly #open: LockSuiteMember[] = [];

  constructor(target: LockSuiteTarget) {
    this.#target = target;
    this.ttlMs = target.ttlMs;
    this.fair = target.fair;
    this.fakeTime = target.passTime !== undefined;
  }

  async members<const N extends number>(count: N): Promise<Members<N>> {
    const all = await Promise.all(Array.from({ length: count }, () => this.#target.open()));
    this.#open.push(...all);
    return all as Members<N>;
  }

  now(): number {
    return this.#target.now?.() ?? performance.now();
  }

  /** Lets time pass: the real one is waited for. */
  async pass(ms: number): Promise<void> {
    if (this.#target.passTime) return this.#target.passTime(ms);
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** The outcome of something that may need time to pass; fails after `withinMs` (default: 20 ttls). */
  async outcome<T>(promise: Promise<T>, withinMs = this.ttlMs * 20): Promise<T> {
    let settled = false;
    const done = (): void => void (settled = true);
    promise.then(done, done);
    const until = this.now() + withinMs;
    while (!settled && this.now() < until) await this.pass(this.ttlMs / 20);
    assert.ok(settled, `not settled within ${withinMs} ms`);
    return promise;
  }

  /** Lets time pass until `fn` does not throw. */
  async until(fn: () => void | Promise<void>): Promise<void> {
    if (!this.fakeTime) return eventually(fn, { withinMs: this.ttlMs * 20 });
    for (let step = 0; ; step++) {
      try {
        return await fn();
      } catch (error) {
        if (step === 400) throw error;
        await this.pass(this.ttlMs / 20);
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((member) => (member.heal(), member.close())));
  }
}

type Members<N extends number> = N extends 1
  ? [LockSuiteMember]
  : N extends 2
    ? [LockSuiteMember, LockSuiteMember]
    : [LockSuiteMember, LockSuiteMember, LockSuiteMember];

export type LockTest = (bench: LockBench) => Promise<void>;

export const isCode =
  (code: InfraErrorCode) =>
  (error: unknown): boolean =>
    isInfraError(error) && error.code === code;

/** The lock that must have been granted. */
export function granted(lock: Lock | undefined): Lock {
  assert.ok(lock !== undefined, 'the lock was not granted');
  return lock;
}
