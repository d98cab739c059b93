import type { InfraError } from '@infra-kit/kernel';
import type { DriverCall } from '../drivers/cache-driver.js';
import type { Operation } from './operation.js';
import { PendingCall, type PendingCalls } from './pending-calls.js';

/** What is to be done. */
export interface PlainCallTask<T> {
  readonly operation: Operation;
  readonly call: (call: DriverCall) => Promise<T>;
  /** The key, for the message of an error. */
  readonly about: string | undefined;
  readonly repeats: number;
  readonly queue: PendingCalls;
  readonly started: number;
}

/** Who has it done; the same for all calls of a cache. */
export interface PlainCallHost {
  readonly worthRepeating: (error: unknown) => boolean;
  /** The error for the caller; counts it. */
  readonly failure: (operation: Operation, error: unknown, about: string | undefined) => InfraError;
  readonly late: (operation: Operation, limitMs: number) => InfraError;
  readonly settled: (started: number, operation: Operation, failure: InfraError | undefined) => void;
}

/** A call that nothing limits but `commandTimeoutMs`: no timer and no controller of its own. */
export class PlainCall<T> extends PendingCall {
  readonly #host: PlainCallHost;
  readonly #task: PlainCallTask<T>;
  readonly #outcome = Promise.withResolvers<T>();
  #left: number;

  constructor(host: PlainCallHost, task: PlainCallTask<T>) {
    super();
    this.#host = host;
    this.#task = task;
    this.#left = task.repeats;
  }

  /** Called once. */
  run(): Promise<T> {
    this.#task.queue.add(this, this.#task.started);
    this.#attempt();
    return this.#outcome.promise;
  }

  override expire(): void {
    const { operation, queue } = this.#task;
    const late = this.#host.late(operation, queue.limitMs);
    this.#fail(late);
    this.abort(late);
  }

  #attempt(): void {
    this.#task.call(this).then(
      (value) => this.#answered(value),
      (error: unknown) => this.#failed(error),
    );
  }

  #answered(value: T): void {
    if (this.done) return;
    const { queue, started, operation } = this.#task;
    queue.remove(this);
    this.#host.settled(started, operation, undefined);
    this.#outcome.resolve(value);
  }

  #failed(error: unknown): void {
    if (this.done) return;
    if (this.#left-- > 0 && this.#host.worthRepeating(error)) return this.#attempt();
    this.#task.queue.remove(this);
    this.#fail(error);
  }

  #fail(error: unknown): void {
    const { operation, about, started } = this.#task;
    const failure = this.#host.failure(operation, error, about);
    this.#host.settled(started, operation, failure);
    this.#outcome.reject(failure);
  }
}
