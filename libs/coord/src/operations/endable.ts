/** Runs `make` with a signal that aborts when either of two ends; its iterator can be left while a `next()` waits. */
export function endable<T>(
  signals: readonly (AbortSignal | undefined)[],
  make: (signal: AbortSignal) => AsyncGenerator<T>,
): AsyncIterableIterator<T> {
  const left = new AbortController();
  const all = [left.signal, ...signals.filter((signal) => signal !== undefined)];
  const items = make(AbortSignal.any(all));
  const iterator: AsyncIterableIterator<T> = {
    next: () => items.next(),
    // a generator alone would answer only after the `next()` before, which may wait for good
    return: () => {
      left.abort();
      return items.return(undefined);
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
