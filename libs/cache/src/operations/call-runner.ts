import { SpanKind, SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api';
import { InfraError, isInfraError, withDeadline, type CallOptions } from '@infra-kit/kernel';
import type { CacheConfig } from '../cache.config.js';
import { closedError, shown, type CachePlace } from '../cache.errors.js';
import { CACHE_SCOPE, durationHistogram, errorsCounter } from '../cache.telemetry.js';
import type { CacheDriver, DriverCall } from '../drivers/cache-driver.js';

/** Reads may be repeated after their connection was lost; writes never, since they may have been applied. */
const READS = ['get', 'getMany', 'exists', 'ttlMs', 'scan', 'ping'] as const;
const WRITES = ['set', 'setMany', 'getAndSet', 'delete', 'increment', 'expire', 'script'] as const;
export type OperationName = (typeof READS)[number] | (typeof WRITES)[number];

interface Operation {
  readonly name: OperationName;
  readonly label: string;
  readonly repeatable: boolean;
  readonly succeeded: Attributes;
}

type Settings = Pick<CacheConfig, 'commandTimeoutMs' | 'maxRetries'>;
type Call<T> = (call: DriverCall) => Promise<T>;

/** Carries calls to the driver: limits, repeats, maps errors, counts. The one place where that is done. */
export class CallRunner {
  readonly #driver: CacheDriver;
  readonly #place: CachePlace;
  readonly #settings: () => Settings;
  readonly #operations: ReadonlyMap<OperationName, Operation>;
  #closed = false;

  constructor(driver: CacheDriver, place: CachePlace, settings: () => Settings) {
    this.#driver = driver;
    this.#place = place;
    this.#settings = settings;
    const operation = (name: OperationName, repeatable: boolean): [OperationName, Operation] => [
      name,
      {
        name,
        label: `${place.label}.${name}`,
        repeatable,
        succeeded: { cache: place.name, operation: name, outcome: 'ok' },
      },
    ];
    this.#operations = new Map([
      ...READS.map((name) => operation(name, true)),
      ...WRITES.map((name) => operation(name, false)),
    ]);
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
  }

  /** `about` is the key, for the message of an error. */
  run<T>(name: OperationName, options: CallOptions | undefined, call: Call<T>, about?: string): Promise<T> {
    const operation = this.#operations.get(name);
    if (operation === undefined) return Promise.reject(new RangeError(`no operation ${name}`));
    if (this.#closed) return Promise.reject(closedError(this.#place));
    return this.#driver.local
      ? this.#runLocal(operation, options, call, about)
      : this.#runRemote(operation, options, call, about);
  }

  async #runLocal<T>(
    operation: Operation,
    options: CallOptions | undefined,
    call: Call<T>,
    about: string | undefined,
  ): Promise<T> {
    try {
      return await withDeadline(options, Infinity, operation.label, (signal) => call({ signal }));
    } catch (error) {
      throw this.#failed(operation, error, about);
    }
  }

  async #runRemote<T>(
    operation: Operation,
    options: CallOptions | undefined,
    call: Call<T>,
    about: string | undefined,
  ): Promise<T> {
    const { commandTimeoutMs, maxRetries } = this.#settings();
    const span = this.#span(operation);
    const started = performance.now();
    try {
      const value = await withDeadline(options, commandTimeoutMs, operation.label, (signal) =>
        operation.repeatable && maxRetries > 0 ? this.#tries({ signal }, call, maxRetries) : call({ signal }),
      );
      durationHistogram.record((performance.now() - started) / 1000, operation.succeeded);
      return value;
    } catch (error) {
      const failure = this.#failed(operation, error, about);
      durationHistogram.record((performance.now() - started) / 1000, {
        ...operation.succeeded,
        outcome: failure.code,
      });
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
      this.#closed && !isInfraError(error) ? closedError(this.#place) : this.#mapped(label, error, about);
    errorsCounter.add(1, { cache: this.#place.name, operation: name, code: failure.code });
    return failure;
  }

  #mapped(label: string, error: unknown, about: string | undefined): InfraError {
    if (isInfraError(error) && error.component !== undefined) return error;
    const what = error instanceof Error ? error.message : String(error);
    const key = about === undefined ? '' : ` (key ${shown(about)})`;
    return new InfraError(this.#codeOf(error), `${label}: ${what}${key}`, {
      component: 'cache',
      instance: this.#place.name,
      cause: error,
    });
  }
}
