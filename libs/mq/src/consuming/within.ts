import type { Clock } from '@infra-kit/kernel';

/** Waits for a promise, but not longer; rejects as it does when it does so in time. True: it has settled. */
export async function within(clock: Clock, promise: Promise<unknown>, ms: number): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  const timer = clock.setTimeout(() => over.resolve(false), ms);
  try {
    return await Promise.race([promise.then(() => true), over.promise]);
  } finally {
    timer[Symbol.dispose]();
  }
}
