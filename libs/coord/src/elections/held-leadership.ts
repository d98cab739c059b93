import type { Lock } from '@infra-kit/kernel';
import type { Leadership } from './elections.js';

/** A leadership is a lock under another name. */
export class HeldLeadership implements Leadership {
  readonly name: string;
  readonly token: bigint;
  readonly #lock: Lock;

  constructor(lock: Lock) {
    this.name = lock.key;
    this.token = lock.token;
    this.#lock = lock;
  }

  get signal(): AbortSignal {
    return this.#lock.signal;
  }

  remainingMs(): number {
    return this.#lock.remainingMs();
  }

  resign(): Promise<void> {
    return this.#lock.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.resign();
  }
}
