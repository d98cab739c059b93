import { FakeClock } from '@infra-kit/kernel/testing';
import { createBreaker, type Breaker, type BreakerPolicyOptions } from '../src/index.js';
import { QuietLogger } from './quiet-logger.js';

export const DOWN = new Error('down');
export const succeed = (): Promise<string> => Promise.resolve('answer');
export const fail = (): Promise<never> => Promise.reject(DOWN);

export interface Scene {
  readonly breaker: Breaker;
  readonly clock: FakeClock;
  readonly logger: QuietLogger;
  /** What a call comes to: its value or its error. */
  readonly outcomeOf: (
    fn: (signal: AbortSignal) => Promise<unknown>,
    options?: Parameters<Breaker['execute']>[1],
  ) => Promise<unknown>;
  /** Fails until it is open. */
  readonly open: () => Promise<void>;
  /** Opens it and lets the open time pass: the next call is a probe. */
  readonly due: () => Promise<void>;
}

/** A breaker that opens after two failures in a row, for 1 s, on a clock of the test. */
export async function aBreaker(policy: BreakerPolicyOptions = {}): Promise<Scene> {
  const clock = new FakeClock();
  const logger = new QuietLogger();
  const provider = await createBreaker({}, { clock, logger, env: 'test' });
  const breaker = provider.get('payment', { failureThreshold: 2, openStateTimeoutMs: 1000, ...policy });
  const open = async (): Promise<void> => {
    while (breaker.state === 'closed') await breaker.execute(fail).catch(() => undefined);
  };
  return {
    breaker,
    clock,
    logger,
    open,
    outcomeOf: (fn, options) => breaker.execute(fn, options).catch((error: unknown) => error),
    due: async () => {
      await open();
      await clock.advance(1000);
    },
  };
}
