import {
  InfraError,
  isInfraError,
  messageOf,
  withDeadline,
  type CallOptions,
  type InfraErrorCode,
} from '@infra-kit/kernel';
import type { CoordConfig } from '../coord.config.js';
import { closedError, coordError, type CoordPlace } from '../coord.errors.js';
import { durationHistogram, endCallSpan, startCallSpan } from '../coord.telemetry.js';
import type { CoordDriver, DriverCall } from '../drivers/coord-driver.js';

type Settings = Pick<CoordConfig, 'requestTimeoutMs'>;

/** Kinds of calls to the store: the label of its duration, and a word in messages. */
export type OperationName = 'range' | 'txn' | 'grant' | 'keepAlive' | 'revoke' | 'ping';

/** Carries calls to the driver: limits, maps errors, counts. The one place where that is done. */
export class CallRunner {
  readonly #driver: CoordDriver;
  readonly #place: CoordPlace;
  readonly #settings: () => Settings;
  #closed = false;

  constructor(driver: CoordDriver, place: CoordPlace, settings: () => Settings) {
    this.#driver = driver;
    this.#place = place;
    this.#settings = settings;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** From now on every call is FAILED_PRECONDITION. */
  close(): void {
    this.#closed = true;
  }

  /** Throws FAILED_PRECONDITION after `close`: for what does not call at once. */
  checkOpen(): void {
    if (this.#closed) throw closedError(this.#place);
  }

  /**
   * One call under the nearest of its own `timeoutMs`, the ambient deadline and `requestTimeoutMs`. Rejects with an
   * `InfraError`. One that rejects with UNAVAILABLE or DEADLINE_EXCEEDED may have been applied.
   */
  async run<T>(
    operation: OperationName,
    options: CallOptions | undefined,
    call: (call: DriverCall) => Promise<T>,
  ): Promise<T> {
    this.checkOpen();
    const label = `${this.#place.label}.${operation}`;
    const span = startCallSpan(this.#driver.kind, operation, this.#place.name);
    const started = performance.now();
    let outcome: InfraErrorCode | 'ok' = 'ok';
    try {
      return await withDeadline(options, this.#settings().requestTimeoutMs, label, (signal) =>
        call({ signal }),
      );
    } catch (error) {
      const failure = this.wrap(operation, error);
      outcome = failure.code;
      throw failure;
    } finally {
      const seconds = (performance.now() - started) / 1000;
      durationHistogram.record(seconds, { coord: this.#place.name, operation, outcome });
      endCallSpan(span, outcome);
    }
  }

  /** An error of the driver as callers see it. */
  wrap(operation: string, error: unknown): InfraError {
    if (isInfraError(error)) return error;
    const code = this.#driver.codeOf(error) ?? InfraError.from(error).code;
    return coordError(this.#place, code, `${operation} failed, ${messageOf(error)}`, { cause: error });
  }
}
