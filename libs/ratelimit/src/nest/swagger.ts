import { documentAnswers } from '@infra-kit/kernel';

/** Adds 429 and 503 to what a route may answer; what the application says of them wins. */
export function documentRefusal(cls: object, handler: object): void {
  documentAnswers(cls, handler, {
    429: { description: 'Too many requests: try again after Retry-After' },
    503: { description: 'The store of the limits is away, and its rule closes then' },
  });
}
