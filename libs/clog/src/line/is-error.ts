import { types } from 'node:util';

/** Any realm's error, and what only inherits from one. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error;
}
