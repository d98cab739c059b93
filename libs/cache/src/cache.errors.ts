import { InfraError, placeOf, shown, type Place } from '@infra-kit/kernel';

export { closedError, invalidArgument, shown } from '@infra-kit/kernel';

/** Which cache speaks, for messages: `cache`, or `cache(sessions)`. */
export type CachePlace = Place;

export const cachePlace = (name: string): CachePlace => placeOf('cache', name);

const origin = (place: CachePlace): { component: string; instance: string } => ({
  component: 'cache',
  instance: place.name,
});

/** A stored value that its codec cannot read. DATA_LOSS; `key` is the caller's key. Overwrite or delete the entry. */
export class CacheDecodeError extends InfraError {
  readonly key: string;

  constructor(place: CachePlace, key: string, cause: unknown) {
    super(
      'DATA_LOSS',
      `${place.label}: the value of key ${shown(key)} does not decode; write it anew, or look who writes it with another codec`,
      { ...origin(place), cause },
    );
    this.key = key;
  }
}
Object.defineProperty(CacheDecodeError.prototype, 'name', {
  value: 'CacheDecodeError',
  configurable: true,
  writable: true,
});

export function unimplemented(place: CachePlace, what: string, kind: string): InfraError {
  return new InfraError('UNIMPLEMENTED', `${place.label}: the ${kind} driver has no ${what}`, origin(place));
}

/** For what `increment` refuses, in drivers too, which name no key. */
export const BEYOND_EXACT =
  'the sum is beyond 2^53 - 1, where numbers are no longer exact; the counter stays as it was, go on with another';

export function beyondExact(place: CachePlace, key: string): InfraError {
  const message = `${place.label}.increment: ${BEYOND_EXACT} (key ${shown(key)})`;
  return new InfraError('DATA_LOSS', message, origin(place));
}

/** For a driver that counts on. */
export function inexactCounter(place: CachePlace, key: string): InfraError {
  return new InfraError(
    'DATA_LOSS',
    `${place.label}: the counter ${shown(key)} is beyond 2^53, where numbers are no longer exact; the store holds the true one`,
    origin(place),
  );
}

/** The loader gave `undefined`. INVALID_ARGUMENT; `key` is the caller's key. */
export class NoValueError extends InfraError {
  readonly key: string;

  constructor(place: CachePlace, key: string) {
    const message = `${place.label}: the loader gave undefined for key ${shown(key)}; give null to say there is none`;
    super('INVALID_ARGUMENT', message, origin(place));
    this.key = key;
  }
}

/** A loader that waits for itself, at once or in a ring. */
export function loadRing(place: CachePlace, key: string, asks: string): InfraError {
  return new InfraError(
    'FAILED_PRECONDITION',
    `${place.label}.getOrSet: the loader of ${asks} asks for key ${shown(key)}, which waits for that very loader; let it ask the source`,
    origin(place),
  );
}

export function tooManyLoads(place: CachePlace, limit: number): InfraError {
  return new InfraError(
    'RESOURCE_EXHAUSTED',
    `${place.label}: the cache server is away and ${limit} loads run while too many wait; raise maxFallbackLoads or shed load`,
    { ...origin(place), retryable: true },
  );
}
