import { InfraContext, isInfraError } from '@infra-kit/kernel';
import { BreakerTimeoutError } from '../breaker.errors.js';
import type { Judge } from './classify.js';

interface Runner {
  run<T>(
    fn: (signal: AbortSignal) => Promise<T>,
    options: { readonly signal: AbortSignal | undefined },
    judge: Judge<T>,
  ): Promise<T>;
  judgeResponse(response: Response): ReturnType<Judge<Response>>;
}

type Input = Parameters<typeof globalThis.fetch>[0];
type Init = Parameters<typeof globalThis.fetch>[1];

/**
 * One request. The caller's signals still end the reading of the body when the breaker is done with the call; when they
 * abort, the error is the one `fetch` itself would give.
 */
export async function fetchThrough(
  breaker: Runner,
  fetch: typeof globalThis.fetch,
  input: Input,
  init: Init,
): Promise<Response> {
  const caller = init?.signal ?? (input instanceof Request ? input.signal : undefined);
  const lasting = [caller, InfraContext.current()?.signal].filter((signal) => signal !== undefined);
  try {
    return await breaker.run(
      (signal) => fetch(input, { ...init, signal: AbortSignal.any([signal, ...lasting]) }),
      { signal: caller },
      (response) => breaker.judgeResponse(response),
    );
  } catch (error) {
    if (caller?.aborted && endedByCaller(error)) throw caller.reason;
    throw error;
  }
}

/** What `execute` makes of a signal that aborts: CANCELLED, or DEADLINE_EXCEEDED of an `AbortSignal.timeout`. */
function endedByCaller(error: unknown): boolean {
  if (!isInfraError(error) || error instanceof BreakerTimeoutError) return false;
  return error.code === 'CANCELLED' || error.code === 'DEADLINE_EXCEEDED';
}
