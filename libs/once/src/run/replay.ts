import { invalidArgument, OnceMismatchError, OnceResultGoneError, shown } from '../once.errors.js';
import type { OnceResult } from '../once.provider.js';
import { decodeResult, type Encoded } from '../values/kept-result.js';
import { markReplayed } from '../values/replayed-error.js';
import { messageOf } from '@infra-kit/kernel';
import type { OnceRequest, RunParts } from './request.js';

type Counting = Pick<RunParts, 'place' | 'count'>;

/** Compared when both calls have one. */
export function refuseOther(
  { place, count }: Counting,
  { key, fingerprint }: OnceRequest<unknown>,
  known: string | undefined,
): void {
  if (known === undefined || fingerprint === undefined || known === fingerprint) return;
  count(['refused', 'mismatch']);
  throw new OnceMismatchError(place, key);
}

/** What an earlier run of the key gave, or threw. */
export function replay<T>({ place, count }: Counting, key: string, text: string): OnceResult<T> {
  const decoded = decodeResult(text);
  if (decoded.kind === 'gone') {
    count(['refused', 'result_gone']);
    throw new OnceResultGoneError(place, key);
  }
  count(['replayed', decoded.kind === 'error' ? 'error' : 'result']);
  if (decoded.kind === 'error') throw markReplayed(decoded.error);
  return { value: decoded.value as T, replayed: true };
}

/** What the first caller gets, once it is kept. A result JSON cannot write is marked as had, and told to nobody. */
export function ran<T>({ place, count }: Counting, key: string, encoded: Encoded<T>): OnceResult<T> {
  const { value, kept, failure } = encoded;
  count(['ran', kept ? 'first' : 'not_kept']);
  if (failure === undefined) return { value, replayed: false };
  throw invalidArgument(
    place,
    `the function of key ${shown(key)} has run, but JSON cannot write its result: ${messageOf(failure)}`,
    failure,
  );
}
