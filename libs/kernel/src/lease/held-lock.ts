import type { Lock } from '../ports/lock.js';
import type { HeldLease } from './held-lease.js';

export interface HeldLockParts {
  readonly key: string;
  readonly token: bigint;
  readonly lease: HeldLease;
  /** Frees the lock in the store where it is still ours, told by comparing. */
  readonly giveBack: () => Promise<void>;
}

/** A lock that is a lease: the one implementation of `Lock`, over any store. */
export class HeldLock implements Lock {
  readonly key: string;
  readonly token: bigint;
  readonly #lease: HeldLease;
  readonly #giveBack: () => Promise<void>;
  #released: Promise<void> | undefined;

  constructor({ key, token, lease, giveBack }: HeldLockParts) {
    this.key = key;
    this.token = token;
    this.#lease = lease;
    this.#giveBack = giveBack;
  }

  get signal(): AbortSignal {
    return this.#lease.signal;
  }

  remainingMs(): number {
    return this.#lease.remainingMs();
  }

  /** Rejects only when a lock that was held could not be given back; the store frees it after its ttl then. */
  release(): Promise<void> {
    this.#released ??= this.#release().catch((error: unknown) => {
      this.#released = undefined;
      throw error;
    });
    return this.#released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #release(): Promise<void> {
    const { lost } = this.#lease;
    this.#lease.stop();
    try {
      await this.#giveBack();
    } catch (error) {
      if (!lost) throw error;
    }
  }
}
