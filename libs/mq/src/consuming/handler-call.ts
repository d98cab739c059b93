import {
  context as otelContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type SpanContext,
} from '@opentelemetry/api';
import {
  InfraContext,
  InfraError,
  parseTraceparent,
  type Clock,
  type Logger,
  type Timer,
} from '@infra-kit/kernel';
import { mqError, type MqPlace } from '../mq.errors.js';
import type { MessageContext } from '../mq.messages.js';
import { isTracing, MQ_SCOPE } from '../mq.telemetry.js';

/** A handler under way. */
export class HandlerCall implements MessageContext {
  readonly logger: Logger;
  readonly #controller = new AbortController();
  readonly #watch: HandlerWatch;
  #cut: (reason: InfraError) => void = () => undefined;
  #pauses = 0;
  /** By the monotonic clock; Infinity while it waits for its turn. */
  endsAt: number;

  constructor(watch: HandlerWatch, logger: Logger) {
    this.#watch = watch;
    this.logger = logger;
    this.endsAt = watch.nextEnd();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get traceId(): string {
    return InfraContext.traceId() ?? '';
  }

  async heartbeat(): Promise<void> {
    if (this.signal.aborted) throw this.signal.reason;
    if (this.#pauses === 0) this.endsAt = this.#watch.nextEnd();
  }

  /** The time in which it waits for its turn again is not its own. */
  async paused(wait: Promise<void>): Promise<void> {
    this.#pauses++;
    this.endsAt = Infinity;
    await wait;
    if (--this.#pauses > 0) return;
    this.endsAt = this.#watch.nextEnd();
    this.#watch.wake();
  }

  /** The handler's signal aborts, and its call counts as failed, whether it listens or not. */
  abort(reason: InfraError): void {
    this.#controller.abort(reason);
    this.#cut(reason);
  }

  run(handler: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#cut = reject;
      handler().then(resolve, reject);
    });
  }
}

/** Ends handlers that run too long: one timer for all of a subscription, since one a message would cost too much. */
export class HandlerWatch {
  readonly #clock: Clock;
  readonly #place: MqPlace;
  readonly #timeoutMs: number;
  readonly #calls = new Set<HandlerCall>();
  #timer: Timer | undefined;

  constructor(clock: Clock, place: MqPlace, timeoutMs: number) {
    this.#clock = clock;
    this.#place = place;
    this.#timeoutMs = timeoutMs;
  }

  nextEnd(): number {
    return this.#clock.monotonic() + this.#timeoutMs;
  }

  add(call: HandlerCall): void {
    this.#calls.add(call);
    if (this.#timer === undefined) this.#arm(this.#timeoutMs);
  }

  remove(call: HandlerCall): void {
    this.#calls.delete(call);
  }

  /** Aborts every handler that runs. */
  abortAll(reason: InfraError): void {
    for (const call of this.#calls) call.abort(reason);
  }

  /** A call has an end again. */
  wake(): void {
    if (this.#timer === undefined) this.#arm(this.#timeoutMs);
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), Math.max(1, ms));
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    const what = `the handler did not finish within ${this.#timeoutMs} ms; raise handlerTimeoutMs, or call heartbeat()`;
    let next = Infinity;
    for (const call of this.#calls) {
      if (call.signal.aborted) continue;
      if (call.endsAt <= now) call.abort(mqError(this.#place, 'DEADLINE_EXCEEDED', what));
      else next = Math.min(next, call.endsAt);
    }
    if (next < Infinity) this.#arm(next - now);
  }
}

function remoteSpan(traceparent: string | undefined): SpanContext | undefined {
  const parent = parseTraceparent(traceparent);
  if (parent === undefined) return undefined;
  return {
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: parent.flags & TraceFlags.SAMPLED,
    isRemote: true,
  };
}

export interface Consumed {
  readonly topic: string;
  readonly group: string;
  readonly count: number;
  readonly traceparent: string | undefined;
  readonly traceId: string | undefined;
}

/**
 * Runs a handler inside the context that its message brought: a consumer span below the producer's and linked to it,
 * and an InfraContext of the same trace. Nothing of the loop that received the message leaks in.
 */
export function inMessageContext<T>(
  message: Consumed,
  signal: AbortSignal,
  fn: () => Promise<T>,
): Promise<T> {
  const { traceparent, traceId } = message;
  return InfraContext.detach(() =>
    InfraContext.run({ traceparent, traceId, signal }, () => (isTracing() ? inSpan(message, fn) : fn())),
  );
}

function inSpan<T>({ topic, group, count, traceparent }: Consumed, fn: () => Promise<T>): Promise<T> {
  const remote = remoteSpan(traceparent);
  const active = otelContext.active();
  const parent = remote === undefined ? active : trace.setSpanContext(active, remote);
  const options = {
    kind: SpanKind.CONSUMER,
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'messaging.destination.name': topic,
      'messaging.consumer.group.name': group,
      'messaging.batch.message_count': count,
    },
    links: remote === undefined ? [] : [{ context: remote }],
  };
  return trace.getTracer(MQ_SCOPE).startActiveSpan(`process ${topic}`, options, parent, async (span) => {
    try {
      return await fn();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
