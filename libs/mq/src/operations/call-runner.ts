import {
  InfraError,
  isInfraError,
  messageOf,
  withDeadline,
  type CallOptions,
  type InfraErrorCode,
} from '@infra-kit/kernel';
import type { DriverCall, MqDriver } from '../drivers/mq-driver.js';
import type { MqConfig } from '../mq.config.js';
import { closedError, mqError, type MqPlace } from '../mq.errors.js';

export interface RunLimits {
  readonly options?: CallOptions | undefined;
  /** Default: `requestTimeoutMs`. */
  readonly limitMs?: number | undefined;
}

/** Carries calls to the driver: limits, maps errors. The one place where that is done. */
export class CallRunner {
  readonly #driver: MqDriver;
  readonly #place: MqPlace;
  readonly #settings: () => MqConfig;
  #closed = false;

  constructor(driver: MqDriver, place: MqPlace, settings: () => MqConfig) {
    this.#driver = driver;
    this.#place = place;
    this.#settings = settings;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** From now on `checkOpen` throws. What the drain still needs goes on. */
  close(): void {
    this.#closed = true;
  }

  checkOpen(): void {
    if (this.#closed) throw closedError(this.#place);
  }

  /** One call under the nearest of its own limit, the ambient deadline and `limitMs`. Rejects with an `InfraError`. */
  async run<T>(
    operation: string,
    { options, limitMs }: RunLimits,
    call: (call: DriverCall) => Promise<T>,
  ): Promise<T> {
    const label = `${this.#place.label}.${operation}`;
    const limit = limitMs ?? this.#settings().requestTimeoutMs;
    try {
      return await withDeadline(options, limit, label, (signal) => call({ signal }));
    } catch (error) {
      throw this.failure(operation, error);
    }
  }

  codeOf(error: unknown): InfraErrorCode {
    if (isInfraError(error)) return error.code;
    return this.#driver.codeOf(error) ?? InfraError.from(error).code;
  }

  /** The error as callers get it. A limit that passed while nothing could be reached says that: UNAVAILABLE. */
  failure(operation: string, error: unknown): InfraError {
    if (isInfraError(error) && error.component !== undefined) {
      const trouble = error.code === 'DEADLINE_EXCEEDED' ? this.#driver.trouble() : undefined;
      if (trouble === undefined) return error;
      return mqError(
        this.#place,
        'UNAVAILABLE',
        `${operation}: Kafka cannot be reached: ${messageOf(trouble)}`,
        {
          cause: error,
        },
      );
    }
    return mqError(this.#place, this.codeOf(error), `${operation}: ${messageOf(error)}`, { cause: error });
  }
}
