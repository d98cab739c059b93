import type { Attributes } from '@opentelemetry/api';
import type { CachePlace } from '../cache.errors.js';

/** Reads may be repeated after their connection was lost; writes never, since they may have been applied. */
const REPEATABLE = {
  get: true,
  getMany: true,
  exists: true,
  ttlMs: true,
  look: true,
  scan: true,
  ping: true,
  set: false,
  setMany: false,
  getAndSet: false,
  delete: false,
  invalidateTags: false,
  increment: false,
  expire: false,
  script: false,
  'hashes.get': true,
  'hashes.getAll': true,
  'hashes.exists': true,
  'hashes.length': true,
  'hashes.keys': true,
  'hashes.set': false,
  'hashes.delete': false,
  'hashes.increment': false,
  'sets.has': true,
  'sets.members': true,
  'sets.size': true,
  'sets.add': false,
  'sets.remove': false,
  'sets.pop': false,
  'sortedSets.score': true,
  'sortedSets.rank': true,
  'sortedSets.range': true,
  'sortedSets.count': true,
  'sortedSets.size': true,
  'sortedSets.add': false,
  'sortedSets.remove': false,
  'sortedSets.incrementScore': false,
  'sortedSets.removeRange': false,
  'blooms.has': true,
  'blooms.reserve': false,
  'blooms.add': false,
} as const;

export type OperationName = keyof typeof REPEATABLE;

/** A kind of call to the store, with what of it need not be made anew each time. */
export interface Operation {
  readonly name: OperationName;
  /** `cache.get`, or `cache(sessions).get`. */
  readonly label: string;
  readonly repeatable: boolean;
  /** Labels of its duration when it went well. */
  readonly succeeded: Attributes;
}

export function operationsOf(place: CachePlace): Readonly<Record<OperationName, Operation>> {
  const entries = Object.entries(REPEATABLE).map(([name, repeatable]) => [
    name,
    {
      name,
      label: `${place.label}.${name}`,
      repeatable,
      succeeded: { cache: place.name, operation: name, outcome: 'ok' },
    },
  ]);
  return Object.fromEntries(entries) as Record<OperationName, Operation>;
}
