import { SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { InfraContext, InfraError, isInfraError, withDeadline, type CallOptions } from '@infra-kit/kernel';
import type { CacheConfig } from '../cache.config.js';
import { closedError, shown, type CachePlace } from '../cache.errors.js';
import { CACHE_SCOPE, durationHistogram, errorsCounter } from '../cache.telemetry.js';
import type { CacheDriver, DriverCall } from '../drivers/cache-driver.js';
import { operationsOf, type Operation, type OperationName } from './operation.js';
import { PendingCalls } from './pending-calls.js';
import { PlainCall, type PlainCallHost } from './plain-call.js';

type Settings = Pick<CacheConfig, 'commandTimeoutMs' | 'maxRetries'>;
type Call<T> = (call: DriverCall) => Promise<T>;

const UNLIMITED: DriverCall = { signal: new AbortController().signal };

/** Carries calls to the driver: limits, repeats, maps errors, counts. The one place where that is done. */
export class CallRunner {
  readonly #driver: CacheDriver;
  readonly #place: CachePlace;
  readonly #settings: () => Settings;
  readonly #operations: Readonly<Record<OperationName, Operation>>;
  readonly #host: PlainCallHost = {
    worthRepeating: (error) => this.#codeOf(error) === 'UNAVAILABLE',
    failure: (operation, error, about) => this.#failed(operation, error, about),
    late: (operation, limitMs) => this.#late(operation, limitMs),
    settled: (started, operation, failure) => this.#record(started, operation, failure),
  };
  #pending = new PendingCalls(0);
  #closed = false;

  constructor(driver: CacheDriver, place: CachePlace, settings: () => Settings) {
    this.#driver = driver;
    this.#place = place;
    this.#settings = settings;
    this.#operations = operationsOf(place);
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
  }

  /** `about` is the key, for the message of an error. */
  run<T>(name: OperationName, options: CallOptions | undefined, call: Call<T>, about?: string): Promise<T> {
    const operation = this.#operations[name];
    if (this.#closed) return Promise.reject(closedError(this.#place));
    if (this.#driver.local) return this.#runLocal(operation, options, call, about);
    return isUnlimited(options) && trace.getActiveSpan() === undefined
      ? this.#runPlain(operation, call, about)
      : this.#runLimited(operation, options, call, about);
  }

  /** For a call of several steps, the options of each as it begins: together they keep to the limits of one call. */
  steps(options: CallOptions | undefined): () => CallOptions | undefined {
    if (this.#driver.local) return () => options;
    const started = performance.now();
    let first = true;
    return () => {
      if (first) {
        first = false;
        return options;
      }
      const whole = Math.min(options?.timeoutMs ?? Infinity, this.#settings().commandTimeoutMs);
      return { signal: options?.signal, timeoutMs: Math.max(0, whole - (performance.now() - started)) };
    };
  }

  /** An answer that is here already, for a call that may have ended before it began. */
  answer<T>(name: OperationName, options: CallOptions | undefined, value: T): T | Promise<T> {
    return isUnlimited(options)
      ? value
      : this.#runLocal(this.#operations[name], options, () => Promise.resolve(value), undefined);
  }

  /** Nothing to wait for; what the call brings along may have ended before it began. */
  #runLocal<T>(
    operation: Operation,
    options: CallOptions | undefined,
    call: Call<T>,
    about: string | undefined,
  ): Promise<T> {
    const answer = isUnlimited(options)
      ? call(UNLIMITED)
      : withDeadline(options, Infinity, operation.label, (signal) => call({ signal }));
    return answer.catch((error: unknown) => {
      throw this.#failed(operation, error, about);
    });
  }

  /** A call that nothing limits but `commandTimeoutMs`. */
  #runPlain<T>(operation: Operation, call: Call<T>, about: string | undefined): Promise<T> {
    const { commandTimeoutMs, maxRetries } = this.#settings();
    if (this.#pending.limitMs !== commandTimeoutMs) this.#pending = new PendingCalls(commandTimeoutMs);
    const repeats = operation.repeatable ? maxRetries : 0;
    const started = performance.now();
    return new PlainCall(this.#host, {
      operation,
      call,
      about,
      repeats,
      queue: this.#pending,
      started,
    }).run();
  }

  async #runLimited<T>(
    operation: Operation,
    options: CallOptions | undefined,
    call: Call<T>,
    about: string | undefined,
  ): Promise<T> {
    const { commandTimeoutMs, maxRetries } = this.#settings();
    const repeats = operation.repeatable ? maxRetries : 0;
    const span = this.#span(operation);
    const started = performance.now();
    try {
      const value = await withDeadline(options, commandTimeoutMs, operation.label, (signal) =>
        this.#tries({ signal }, call, repeats),
      );
      this.#record(started, operation, undefined);
      return value;
    } catch (error) {
      const failure = this.#failed(operation, error, about);
      this.#record(started, operation, failure);
      span?.setStatus({ code: SpanStatusCode.ERROR, message: failure.code });
      throw failure;
    } finally {
      span?.end();
    }
  }

  async #tries<T>(attempt: DriverCall, call: Call<T>, repeats: number): Promise<T> {
    for (let left = repeats; ; left--) {
      try {
        return await call(attempt);
      } catch (error) {
        if (left === 0 || attempt.signal.aborted || this.#codeOf(error) !== 'UNAVAILABLE') throw error;
      }
    }
  }

  #record(started: number, { name, succeeded }: Operation, failure: InfraError | undefined): void {
    const seconds = (performance.now() - started) / 1000;
    const attributes =
      failure === undefined ? succeeded : { cache: this.#place.name, operation: name, outcome: failure.code };
    durationHistogram.record(seconds, attributes);
  }

  #late({ label }: Operation, limitMs: number): InfraError {
    const message = `${label}: no answer within ${limitMs} ms; raise commandTimeoutMs or look at the server's health`;
    return new InfraError('DEADLINE_EXCEEDED', message, { component: 'cache', instance: this.#place.name });
  }

  /** A span only inside one that is recorded: a call to the cache is a step of a request, never a trace of its own. */
  #span({ name }: Operation): Span | undefined {
    if (trace.getActiveSpan()?.isRecording() !== true) return undefined;
    const attributes = {
      'db.system.name': this.#driver.kind,
      'db.operation.name': name,
      'infra.cache': this.#place.name,
    };
    return trace.getTracer(CACHE_SCOPE).startSpan(`cache.${name}`, { kind: SpanKind.CLIENT, attributes });
  }

  #codeOf(error: unknown): InfraError['code'] {
    if (isInfraError(error)) return error.code;
    return this.#driver.codeOf(error) ?? InfraError.from(error).code;
  }

  #failed({ name, label }: Operation, error: unknown, about: string | undefined): InfraError {
    const failure =
      this.#closed && !isInfraError(error)
        ? closedError(this.#place)
        : this.#mapped(
            label,
            error,
            about === undefined ? '' : ` (${name === 'script' ? name : 'key'} ${shown(about)})`,
          );
    errorsCounter.add(1, { cache: this.#place.name, operation: name, code: failure.code });
    return failure;
  }

  #mapped(label: string, error: unknown, about: string): InfraError {
    if (isInfraError(error) && error.component !== undefined) return error;
    const what = error instanceof Error ? error.message : String(error);
    return new InfraError(this.#codeOf(error), `${label}: ${what}${about}`, {
      component: 'cache',
      instance: this.#place.name,
      cause: error,
    });
  }
}

/** True when neither the call nor the ambient context sets a limit. */
export function isUnlimited(options: CallOptions | undefined): boolean {
  if (options?.signal !== undefined || options?.timeoutMs !== undefined) return false;
  const context = InfraContext.current();
  return context?.signal === undefined && context?.deadline === undefined;
}
