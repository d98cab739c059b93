const REPLAYED = Symbol('infra-kit: a replayed error');

/** Marks an error as one that was kept, where nobody sees it but who asks. */
export function markReplayed(error: Error): Error {
  return Object.defineProperty(error, REPLAYED, { value: true });
}

export function isReplayed(error: unknown): boolean {
  return typeof error === 'object' && error !== null && Reflect.get(error, REPLAYED) === true;
}
