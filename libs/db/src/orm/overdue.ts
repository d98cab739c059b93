import { AsyncLocalStorage } from 'node:async_hooks';
import { SystemClock } from '@infra-kit/kernel';

/** How long a call that has ended for its caller may still have its connection: to cancel takes a round trip. */
const GRACE_MS = 2000;
/** It is another machine that is waited for: no test's clock moves it. */
const clock = new SystemClock();

/** Ends a connection at once, whatever runs on it, and gives its place in the pool back. */
export type Cut = () => void;

/** Cuts a connection unless what runs on it ends soon. */
export function cutUnlessEnded(cut: Cut, running: Promise<unknown>, graceMs = GRACE_MS): void {
  const timer = clock.setTimeout(cut, graceMs);
  timer.unref();
  const ended = (): void => timer[Symbol.dispose]();
  running.then(ended, ended);
}

/** The connection of one limited transaction, known as soon as the pool gives it. */
class Lease {
  #cut: Cut | undefined;
  #overdue: Promise<unknown> | undefined;

  take(cut: Cut): void {
    if (this.#cut !== undefined) return; // that of a transaction inside of this one
    this.#cut = cut;
    if (this.#overdue !== undefined) cutUnlessEnded(cut, this.#overdue);
  }

  expire(running: Promise<unknown>): void {
    this.#overdue = running;
    if (this.#cut !== undefined) cutUnlessEnded(this.#cut, running);
  }
}

const leases = new AsyncLocalStorage<Lease>();

/** Told of each connection that a pool gives. */
export function noteLease(cut: Cut): void {
  leases.getStore()?.take(cut);
}

/**
 * Runs a transaction that has a limit. When it does not end with its limit, on a silent network or in a function that
 * never settles, its connection is cut.
 */
export async function leased<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return work();
  const lease = new Lease();
  const running = leases.run(lease, work);
  const onAbort = (): void => lease.expire(running);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await running;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
