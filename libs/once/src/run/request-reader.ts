import type { OnceConfig } from '../once.config.js';
import { invalidArgument, shown, type OncePlace } from '../once.errors.js';
import type { OnceAddress, OnceCall, OnceOptions } from '../once.provider.js';
import { storedKey, storedPrefix } from '../store/stored-key.js';
import { fingerprintOf } from '../values/fingerprint.js';
import { optionProblem, storeProblem } from './option-problem.js';
import type { OnceRequest } from './request.js';

const DEFAULT_WAIT_MS = 10_000;

interface Parts {
  readonly place: OncePlace;
  readonly service: string;
  readonly settings: () => OnceConfig;
}

/** Checks what callers pass, and settles what they leave open. INVALID_ARGUMENT names what is wrong. */
export class RequestReader {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  read<T>(key: string, fn: (call: OnceCall) => Promise<T>, options: OnceOptions): OnceRequest<T> {
    const settings = this.#parts.settings();
    if (typeof fn !== 'function') throw this.#bad(`execute needs a function, got ${shown(fn)}`);
    const stored = this.storedKey(key, options);
    const problem = optionProblem(options);
    if (problem !== undefined) throw this.#bad(problem);
    const { onInFlight, storeError } = options;
    return {
      key,
      stored,
      fn,
      onInFlight: onInFlight ?? 'reject',
      storeError: storeError && keeps(storeError),
      ttlMs: options.ttlMs ?? settings.ttlMs,
      leaseMs: options.leaseMs ?? settings.leaseMs,
      waitMs: options.waitMs ?? DEFAULT_WAIT_MS,
      maxResultBytes: options.maxResultBytes ?? settings.maxResultBytes,
      fingerprint: fingerprintOf(options.fingerprint, (why) => this.#bad(why)),
      signal: undefined,
    };
  }

  storedKey(key: unknown, options: OnceAddress): string {
    const { service, settings } = this.#parts;
    const { keyPrefix, maxKeyLength } = settings();
    const scope = this.#scope(options);
    const text = this.#text(key, 'key');
    if (text === '') throw this.#bad('key must not be empty');
    if (text.length > maxKeyLength)
      throw this.#bad(`key must not be longer than ${maxKeyLength} characters, got ${text.length}`);
    return storedKey(keyPrefix, service, scope, text);
  }

  storedPrefix(prefix: unknown, options: OnceAddress): string {
    const { service, settings } = this.#parts;
    return storedPrefix(settings().keyPrefix, service, this.#scope(options), this.#text(prefix, 'prefix'));
  }

  #scope(options: unknown): string {
    if (typeof options !== 'object' || options === null)
      throw this.#bad(`options must be an object, got ${shown(options)}`);
    const { scope = '', store } = options as OnceAddress;
    const problem = storeProblem(store);
    if (problem !== undefined) throw this.#bad(problem);
    return this.#text(scope, 'scope');
  }

  /** A lone surrogate would become another character in the store, and PostgreSQL has no NUL. */
  #text(value: unknown, what: string): string {
    if (typeof value !== 'string') throw this.#bad(`${what} must be a text, got ${shown(value)}`);
    if (!value.isWellFormed() || value.includes('\0'))
      throw this.#bad(`${what} must be well-formed Unicode without NUL, got ${shown(value)}`);
    return value;
  }

  #bad(what: string): Error {
    return invalidArgument(this.#parts.place, what);
  }
}

/** One that throws, or gives no boolean, keeps nothing: what the caller gets is the function's own error. */
function keeps(storeError: (error: unknown) => unknown): (error: unknown) => boolean {
  return (error) => {
    try {
      return storeError(error) === true;
    } catch {
      return false;
    }
  };
}
