import type { ExecutionContext } from '@nestjs/common';
import type { OnceOptions } from '../once.provider.js';
import { optionProblem, storeProblem } from '../run/option-problem.js';

/** A function that makes a text: at an edge it gets the ExecutionContext, anywhere else the method's arguments; `this` is the instance. */
// oxlint-disable-next-line typescript/no-explicit-any -- the contract's signature of key functions
export type OnceText = (...args: any[]) => string;

/** What `@Idempotent` takes. What is left open is as the component's configuration says. */
export interface IdempotentOptions extends Pick<
  OnceOptions,
  'ttlMs' | 'leaseMs' | 'onInFlight' | 'waitMs' | 'storeError' | 'maxResultBytes' | 'store'
> {
  /** Where a request has its key; default `Idempotency-Key`. */
  readonly header?: string | undefined;
  /** Whether a request without the header is refused (400, the default), or runs unprotected. */
  readonly required?: boolean | undefined;
  /** The key, in place of a header. Needed on everything that is no HTTP handler. */
  readonly key?: OnceText | undefined;
  /** Whose key it is; default over HTTP `user.id`, else `user.sub`. Beside the route, or the method, which always count. */
  readonly scope?: OnceText | undefined;
  /**
   * What is compared between two uses of a key. `body`: path parameters, query and body, the default over HTTP; `none`,
   * the default elsewhere; or a function of the ExecutionContext, or the arguments, that gives a value JSON can write.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- the contract's signature of key functions
  readonly fingerprint?: 'body' | 'none' | ((...args: any[]) => unknown) | undefined;
  /** Headers of the answer that a replay has too, beside content-type, content-language, location and etag. */
  readonly replayHeaders?: readonly string[] | undefined;
}

export const USE = 'infra-kit:once:use';

export function useOf(method: unknown): IdempotentOptions | undefined {
  return typeof method === 'function'
    ? (Reflect.getOwnMetadata(USE, method) as IdempotentOptions | undefined)
    : undefined;
}

/** The part of the options that `execute` takes as it is. */
export function callOptions(use: IdempotentOptions): OnceOptions {
  const { ttlMs, leaseMs, onInFlight, waitMs, storeError, maxResultBytes, store } = use;
  return { ttlMs, leaseMs, onInFlight, waitMs, storeError, maxResultBytes, store };
}

/** What a caller of a key or scope function gets from `this`. */
export type Instances = (context: ExecutionContext) => unknown;

const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

/** What is wrong with the options, where the decorator stands. */
export function useProblem(use: IdempotentOptions): string | undefined {
  if (typeof use !== 'object' || use === null) return 'options must be an object';
  const { header, key, scope, fingerprint, required, replayHeaders = [] } = use;
  if (header !== undefined && !(typeof header === 'string' && TOKEN.test(header)))
    return `header must be the name of a header, got ${JSON.stringify(header)}`;
  if (header !== undefined && key !== undefined) return 'header and key exclude each other';
  for (const [name, given] of Object.entries({ key, scope }))
    if (given !== undefined && typeof given !== 'function') return `${name} must be a function`;
  if (
    fingerprint !== undefined &&
    typeof fingerprint !== 'function' &&
    fingerprint !== 'body' &&
    fingerprint !== 'none'
  )
    return "fingerprint must be 'body', 'none' or a function";
  if (required !== undefined && typeof required !== 'boolean') return 'required must be true or false';
  if (
    !Array.isArray(replayHeaders) ||
    !replayHeaders.every((name) => typeof name === 'string' && TOKEN.test(name))
  )
    return 'replayHeaders must be names of headers';
  return storeProblem(use.store) ?? optionProblem(callOptions(use));
}
