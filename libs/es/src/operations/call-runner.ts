import { SpanKind, SpanStatusCode, trace, type Attributes, type Span } from '@opentelemetry/api';
import {
  InfraContext,
  isInfraError,
  withDeadline,
  type CallOptions,
  type Clock,
  type InfraError,
} from '@infra-kit/kernel';
import type { DriverCall, EsDriver } from '../drivers/es-driver.js';
import { closedError, esError, type EsPlace } from '../es.errors.js';
import { durationHistogram, ES_SCOPE } from '../es.telemetry.js';

export interface CallSettings {
  readonly requestTimeoutMs: number;
  readonly maxRetries: number;
}

/** One kind of call: `db.operation.name`, and a word in messages. */
export interface Operation {
  readonly name: string;
  /** May be made again although the first try may have been carried out. */
  readonly repeatable: boolean;
}
interface RunPlan {
  readonly index: string | undefined;
  readonly maxRetries: number;
  readonly defaultMs?: number;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1000;

/** Carries calls to the driver: limits, retries, maps errors, counts, traces. The one place where that is done. */
export class CallRunner {
  readonly #driver: EsDriver;
  readonly #place: EsPlace;
  readonly #clock: Clock;
  readonly #settings: () => CallSettings;
  #closed = false;

  constructor(driver: EsDriver, place: EsPlace, clock: Clock, settings: () => CallSettings) {
    this.#driver = driver;
    this.#place = place;
    this.#clock = clock;
    this.#settings = settings;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** From now on every call is FAILED_PRECONDITION. */
  close(): void {
    this.#closed = true;
  }

  checkOpen(): void {
    if (this.#closed) throw closedError(this.#place);
  }

  /**
   * One call under the nearest of its own `timeoutMs`, the ambient deadline and `requestTimeoutMs`, tried again up to
   * `maxRetries` times while the cluster is away and time is left. Rejects with an `InfraError`.
   */
  async run<T>(
    operation: Operation,
    options: CallOptions | undefined,
    call: (call: DriverCall) => Promise<T>,
    index?: string,
  ): Promise<T> {
    this.checkOpen();
    return this.#run(operation, options, call, { index, maxRetries: this.#settings().maxRetries });
  }

  /** The same without retries, also while the component is closing: for what counts its tries itself. */
  async runOnce<T>(
    operation: Operation,
    options: CallOptions | undefined,
    call: (call: DriverCall) => Promise<T>,
    index?: string,
  ): Promise<T> {
    return this.#run(operation, options, call, { index, maxRetries: 0 });
  }

  /** One that takes as long as it takes, within the caller's own limits. */
  async runLong<T>(
    operation: Operation,
    options: CallOptions | undefined,
    call: (call: DriverCall) => Promise<T>,
    index?: string,
  ): Promise<T> {
    this.checkOpen();
    return this.#run(operation, options, call, { index, maxRetries: 0, defaultMs: Infinity });
  }

  async #run<T>(
    operation: Operation,
    options: CallOptions | undefined,
    call: (call: DriverCall) => Promise<T>,
    { index, maxRetries, defaultMs: requestTimeoutMs = this.#settings().requestTimeoutMs }: RunPlan,
  ): Promise<T> {
    const limitMs = Math.min(options?.timeoutMs ?? Infinity, requestTimeoutMs, InfraContext.remainingMs());
    const started = performance.now();
    const giveUpAt = started + limitMs;
    const span = this.#span(operation, index);
    let failure: InfraError | undefined;
    try {
      return await withDeadline(
        options,
        requestTimeoutMs,
        `${this.#place.label}.${operation.name}`,
        (signal) => this.#tries({ signal }, operation, call, { left: maxRetries, giveUpAt }),
      );
    } catch (error) {
      failure = this.wrap(operation.name, error, index);
      span?.setStatus({ code: SpanStatusCode.ERROR, message: failure.code });
      span?.setAttribute('error.type', failure.code);
      throw failure;
    } finally {
      span?.end();
      this.#record(operation, started, failure);
    }
  }

  /** An error of the driver as callers see it. */
  wrap(operation: string, error: unknown, index?: string): InfraError {
    if (isInfraError(error)) return error;
    const { code, reason } = this.#driver.failureOf(error);
    const where = index === undefined ? '' : ` on '${index}'`;
    return esError(this.#place, code, `${operation}${where} failed, ${reason}`, { cause: error });
  }

  async #tries<T>(
    attempt: DriverCall,
    { repeatable }: Operation,
    call: (call: DriverCall) => Promise<T>,
    { left, giveUpAt }: { readonly left: number; readonly giveUpAt: number },
  ): Promise<T> {
    for (let tried = 0; ; tried++) {
      try {
        return await call(attempt);
      } catch (error) {
        const { code, nothingDone } = this.#driver.failureOf(error);
        const away = code === 'UNAVAILABLE' || code === 'RESOURCE_EXHAUSTED';
        const waitMs = backoffMs(tried, FIRST_WAIT_MS, LONGEST_WAIT_MS);
        const late = performance.now() + 2 * waitMs >= giveUpAt;
        if (!away || tried >= left || late || attempt.signal.aborted || !(repeatable || nothingDone))
          throw error;
        await this.#clock.sleep(waitMs, attempt.signal);
      }
    }
  }

  /** Labels as OpenTelemetry's conventions for Elasticsearch and database clients name them. */
  #attributes({ name }: Operation): Attributes {
    return { ...this.#driver.telemetry, 'db.operation.name': name, 'infra.instance': this.#place.name };
  }

  #record(operation: Operation, started: number, failure: InfraError | undefined): void {
    const seconds = (performance.now() - started) / 1000;
    const attributes = this.#attributes(operation);
    durationHistogram.record(
      seconds,
      failure === undefined ? attributes : { ...attributes, 'error.type': failure.code },
    );
  }

  /** A span only inside one that is recorded: a call to the cluster is a step of a request, never a trace of its own. */
  #span(operation: Operation, index: string | undefined): Span | undefined {
    if (trace.getActiveSpan()?.isRecording() !== true) return undefined;
    const { name } = operation;
    const attributes = this.#attributes(operation);
    return trace.getTracer(ES_SCOPE).startSpan(index === undefined ? name : `${name} ${index}`, {
      kind: SpanKind.CLIENT,
      attributes: index === undefined ? attributes : { ...attributes, 'db.collection.name': index },
    });
  }
}

/** Doubles from `firstMs` to `longestMs`, half of it by chance, so that callers do not come back all at once. */
export function backoffMs(tried: number, firstMs: number, longestMs: number): number {
  const full = Math.min(firstMs * 2 ** tried, longestMs);
  return full / 2 + (Math.random() * full) / 2;
}
