import { WorkerIdSource, type WorkerIdLease } from '../worker-id-source.js';

const NEVER = new AbortController().signal;

/** An id that is nobody else's by arrangement: no lease, and no memory of the time across restarts. */
export function ownedId(id: number): WorkerIdLease {
  return {
    id,
    keepsHighWater: false,
    signal: NEVER,
    remainingMs: () => Infinity,
    saveHighWater: () => Promise.resolve(),
    release: () => Promise.resolve(),
  };
}

/** Always the one id given, for deployments that number their processes themselves (a StatefulSet's ordinal). */
export class FixedWorkerIdSource extends WorkerIdSource {
  readonly #id: number;

  constructor(id: number) {
    super();
    this.#id = id;
  }

  override acquire(): Promise<WorkerIdLease> {
    return Promise.resolve(ownedId(this.#id));
  }
}
