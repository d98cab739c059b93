import { InfraError } from '@infra-kit/kernel';
import { BEYOND_EXACT } from '../../cache.errors.js';
import type { Encoded } from '../cache-driver.js';

const WHOLE = /^(0|-?[1-9]\d{0,18})$/;
const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);

/** As `added`, for counters of the cache: what a number cannot hold exactly is refused. */
export function addedExactly(present: Encoded | undefined, by: number): number {
  const sum = Number(added(present, by));
  if (!Number.isSafeInteger(sum)) throw new InfraError('DATA_LOSS', BEYOND_EXACT);
  return sum;
}

/** INCRBY on the text of an entry, by the rules of Redis: 64-bit whole numbers in their shortest decimal form. */
export function added(present: Encoded | undefined, by: number): string {
  const text = present === undefined ? '0' : present.toString();
  const value = WHOLE.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value > MAX || value < MIN)
    throw new InfraError('FAILED_PRECONDITION', 'the value is not a whole number');
  const sum = value + BigInt(by);
  if (sum > MAX || sum < MIN)
    throw new InfraError('DATA_LOSS', 'the sum is beyond 64 bits; the value stays as it is');
  return sum.toString();
}
