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

/** What a handler is called in. */
export interface CallSite {
  readonly place: MqPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly group: string;
  readonly timeoutMs: number;
}

/** A handler under way. */
export class HandlerCall implements MessageContext {
  readonly logger: Logger;
  readonly #site: CallSite;
  readonly #controller = new AbortController();
  readonly #cut = Promise.withResolvers<never>();
  #timer: Timer | undefined;
  #pauses = 0;
  #over = false;

  constructor(site: CallSite) {
    this.#site = site;
    this.logger = site.logger;
    this.#arm();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get traceId(): string {
    return InfraContext.traceId() ?? '';
  }

  async heartbeat(): Promise<void> {
    if (this.signal.aborted) throw this.signal.reason;
    this.#arm();
  }

  /** The time in which it waits for its turn again is not its own. */
  async paused(wait: Promise<void>): Promise<void> {
    this.#pauses++;
    this.#timer?.[Symbol.dispose]();
    await wait;
    if (--this.#pauses === 0) this.#arm();
  }

  /** The handler's signal aborts, and its call counts as failed, whether it listens or not. */
  abort(reason: InfraError): void {
    this.#controller.abort(reason);
    this.#cut.reject(reason);
  }

  async run(handler: () => Promise<void>): Promise<void> {
    const running = new Promise<void>((resolve) => resolve(handler()));
    try {
      await Promise.race([running, this.#cut.promise]);
    } finally {
      this.#over = true;
      this.#timer?.[Symbol.dispose]();
      this.#cut.promise.catch(() => undefined);
    }
  }

  #arm(): void {
    if (this.#over || this.#pauses > 0) return;
    const { clock, place, timeoutMs } = this.#site;
    this.#timer?.[Symbol.dispose]();
    this.#timer = clock.setTimeout(() => {
      const what = `the handler did not finish within ${timeoutMs} ms; raise handlerTimeoutMs, or call heartbeat()`;
      this.abort(mqError(place, 'DEADLINE_EXCEEDED', what));
    }, timeoutMs);
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
