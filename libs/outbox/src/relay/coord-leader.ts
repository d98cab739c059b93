import type { Lock } from '@infra-kit/kernel';
import type { Leader, OutboxLocks, Turn } from './leader.js';

/** The holder of a lock of coord sends everything. */
export class CoordLeader implements Leader {
  readonly #coord: OutboxLocks;
  readonly #key: string;
  readonly #leaseMs: number;
  #lock: Lock | undefined;

  constructor(coord: OutboxLocks, key: string, leaseMs: number) {
    this.#coord = coord;
    this.#key = key;
    this.#leaseMs = leaseMs;
  }

  get leading(): boolean {
    return this.#lock !== undefined && this.#lock.remainingMs() > 0;
  }

  async turn<T>(work: (turn: Turn) => Promise<T>): Promise<T | undefined> {
    if (!this.leading) this.#lock = await this.#coord.locks.tryAcquire(this.#key, { ttlMs: this.#leaseMs });
    return this.leading ? work({ lanes: undefined }) : undefined;
  }

  async release(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release();
  }
}
