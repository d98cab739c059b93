import { isObservable, Observable, type Subscription } from 'rxjs';
import type { Breaker } from '../breaker.provider.js';

/**
 * An Observable behind a breaker: each subscription is one call, decided when it begins. Its first error is a failure, its
 * completion a success, unsubscribing before either cancels it.
 */
export function guardStream(
  breaker: Breaker,
  open: (signal: AbortSignal | undefined) => unknown,
  instead: ((error: unknown) => unknown) | undefined,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const left = new AbortController();
    let source: Subscription | undefined;
    let fallback: { readonly answer: unknown } | undefined;
    const run = (...[signal]: AbortSignal[]): Promise<void> =>
      new Promise((resolve, reject) => {
        const stream = open(signal);
        if (!isObservable(stream))
          throw new TypeError('@CircuitBreaker: the method is declared to return an Observable');
        source = stream.subscribe({
          next: (item) => subscriber.next(item),
          error: reject,
          complete: resolve,
        });
      });
    const answerInstead =
      instead &&
      (async (error: unknown): Promise<void> => {
        source?.unsubscribe();
        const answer = instead(error);
        fallback = { answer: isObservable(answer) ? answer : await answer };
      });
    breaker.execute(run, { signal: left.signal, fallback: answerInstead }).then(
      () => {
        if (fallback === undefined) subscriber.complete();
        else if (isObservable(fallback.answer)) source = fallback.answer.subscribe(subscriber);
        else {
          subscriber.next(fallback.answer);
          subscriber.complete();
        }
      },
      (error: unknown) => {
        source?.unsubscribe();
        subscriber.error(error);
      },
    );
    return () => {
      left.abort();
      source?.unsubscribe();
    };
  });
}
