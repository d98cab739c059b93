import { AsyncLocalStorage } from 'node:async_hooks';
import { context, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { InfraContext, InfraError, TRACE_ID_HEADER } from '@infra-kit/kernel';
import { RPC_LABELS, RPC_SCOPE, serverDuration } from './grpc.telemetry.js';
import { parentOf, type HeaderReader } from './propagated-context.js';
import { isServerFault, type RpcStatus } from './rpc-status.js';

export interface GrpcServerSettings {
  /** Header (metadata key) in which a trace id comes in beside `traceparent`; default `x-trace-id`. */
  readonly traceHeader?: string | undefined;
  /**
   * Takes `x-deadline-ms` of callers that you trust too, for transports without a deadline of their own; default false.
   * `grpc-timeout` counts in any case.
   */
  readonly trustDeadlineHeader?: boolean | undefined;
}

export interface IncomingCall {
  readonly system: 'grpc' | 'nestjs';
  /** `package.Service/Method`, or `Controller/handler`. */
  readonly method: string;
  readonly read: HeaderReader;
  /** Epoch milliseconds; Infinity without one. */
  readonly deadline: number;
}

/** One call of a handler from its arrival to its status: ambient context, span, duration. Ends once. */
export class ServerCall {
  readonly #attributes: Readonly<Record<string, string>>;
  readonly #started = performance.now();
  readonly #deadline: number;
  readonly #gone = new AbortController();
  readonly #inside: <T>(fn: () => T) => T;
  #span: Span | undefined;
  #ended = false;

  constructor(call: IncomingCall, settings: GrpcServerSettings) {
    const { system, method, read, deadline } = call;
    this.#attributes = { [RPC_LABELS.system]: system, [RPC_LABELS.method]: method };
    this.#deadline = deadline;
    const { traceHeader = TRACE_ID_HEADER, trustDeadlineHeader = false } = settings;
    const getter = (_: object, key: string): unknown => read(key === TRACE_ID_HEADER ? traceHeader : key);
    const { timeoutMs, ...origin } = InfraContext.extract({}, getter);
    const init = {
      ...origin,
      ...(trustDeadlineHeader && { timeoutMs }),
      ...(deadline !== Infinity && { deadline }),
      signal: this.#gone.signal,
    };
    // a server's events come in whatever context made the server: nothing of it belongs to the call
    this.#inside = InfraContext.detach(() => InfraContext.run(init, () => this.#open(read)));
  }

  /** Runs `fn` in the call's context. */
  run<T>(fn: () => T): T {
    return this.#inside(fn);
  }

  /** The caller has gone, or its deadline has passed: the context's signal aborts, and so the call ends. */
  abandon(): void {
    if (this.#ended) return;
    const late = Date.now() >= this.#deadline;
    const code = late ? 'DEADLINE_EXCEEDED' : 'CANCELLED';
    const what = late ? "the caller's deadline has passed" : 'the caller cancelled the call';
    this.#gone.abort(new InfraError(code, what));
    this.end(code);
  }

  end(status: RpcStatus, error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const fault = isServerFault(status);
    const outcome = {
      [RPC_LABELS.statusCode]: status,
      ...(fault && { [RPC_LABELS.errorType]: status }),
    };
    serverDuration.record((performance.now() - this.#started) / 1000, { ...this.#attributes, ...outcome });
    const span = this.#span;
    span?.setAttributes(outcome);
    if (fault) span?.setStatus({ code: SpanStatusCode.ERROR, message: status });
    if (fault && error instanceof Error) span?.recordException(error);
    span?.end();
  }

  #open(read: HeaderReader): <T>(fn: () => T) => T {
    const parent = parentOf(read, InfraContext.current());
    const options = { kind: SpanKind.SERVER, attributes: this.#attributes };
    const name = this.#attributes[RPC_LABELS.method] ?? '';
    this.#span = trace.getTracer(RPC_SCOPE).startSpan(name, options, parent);
    return context.with(trace.setSpan(parent, this.#span), () => AsyncLocalStorage.snapshot());
  }
}
