import { LONGEST_LEASE_MS, LONGEST_TTL_MS, MOST_RESULT_BYTES } from '../once.config.js';
import { shown } from '../once.errors.js';
import type { OnceOptions } from '../once.provider.js';

/** What is wrong with how something is to be run, where a call or a decorator says so. Undefined: nothing. */
export function optionProblem(options: OnceOptions): string | undefined {
  const { onInFlight, storeError, ttlMs, leaseMs, waitMs, maxResultBytes } = options;
  if (onInFlight !== undefined && onInFlight !== 'reject' && onInFlight !== 'wait')
    return `onInFlight must be 'reject' or 'wait', got ${shown(onInFlight)}`;
  if (storeError !== undefined && typeof storeError !== 'function')
    return `storeError must be a function, got ${shown(storeError)}`;
  return (
    wholeProblem('ttlMs', ttlMs, LONGEST_TTL_MS) ??
    wholeProblem('leaseMs', leaseMs, LONGEST_LEASE_MS) ??
    numberProblem('waitMs', waitMs, Infinity) ??
    numberProblem('maxResultBytes', maxResultBytes, MOST_RESULT_BYTES)
  );
}

export function storeProblem(store: unknown): string | undefined {
  return store === undefined || store === 'cache' || store === 'db'
    ? undefined
    : `store must be 'cache' or 'db', got ${shown(store)}`;
}

function wholeProblem(name: string, value: unknown, most: number): string | undefined {
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most;
  return isOpen(value) || fits
    ? undefined
    : `${name} must be whole milliseconds from 1 to ${most}, got ${shown(value)}`;
}

function numberProblem(name: string, value: unknown, most: number): string | undefined {
  const fits = typeof value === 'number' && value >= 0 && value <= most;
  return isOpen(value) || fits
    ? undefined
    : `${name} must be a number from 0 to ${most}, got ${shown(value)}`;
}

/** Left to the configuration. */
const isOpen = (value: unknown): boolean => value === undefined || value === null;
