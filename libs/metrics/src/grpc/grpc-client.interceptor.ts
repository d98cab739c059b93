import {
  InterceptingCall,
  type Deadline,
  type Interceptor,
  type InterceptorOptions,
  type Metadata,
} from '@grpc/grpc-js';
import { context, propagation, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { abortError, DEADLINE_HEADER, grpcStatusOf, InfraContext } from '@infra-kit/kernel';
import { clientDuration, RPC_LABELS, RPC_SCOPE } from './grpc.telemetry.js';
import { statusName } from './rpc-status.js';

/**
 * A client interceptor of @grpc/grpc-js, for calls of every kind; in Nest `channelOptions: { interceptors: [ … ] }` of a
 * gRPC client. The call carries the trace, ends at the nearer of its own deadline and the context's (`grpc-timeout` tells
 * the server), is cancelled when the context's signal aborts, and is measured by status. Put it first, so that what
 * interceptors behind it refuse (an open breaker) is measured too.
 */
export function grpcClientInterceptor(): Interceptor {
  return (options, nextCall) => {
    const method = options.method_definition.path.replace(/^\//, '');
    const inner = nextCall(limited(options));
    return new InterceptingCall(inner, {
      start: (metadata, listener, next) => {
        const call = new ClientCall(method);
        call.carry(metadata);
        const release = onAbort(method, (code, details) => inner.cancelWithStatus(code, details));
        next(metadata, {
          onReceiveStatus: (ended, forward) => {
            release();
            call.end(ended.code, ended.details);
            forward(ended);
          },
        });
      },
    });
  };
}

function limited(options: InterceptorOptions): InterceptorOptions {
  const remaining = InfraContext.remainingMs();
  if (remaining === Infinity) return options;
  return { ...options, deadline: nearer(options.deadline, Date.now() + remaining) };
}

function nearer(own: Deadline | null | undefined, contexts: number): number {
  return own === undefined || own === null ? contexts : Math.min(Number(own), contexts);
}

function onAbort(operation: string, cancel: (code: number, details: string) => void): () => void {
  const signal = InfraContext.current()?.signal;
  if (signal === undefined) return () => undefined;
  const abort = (): void => {
    const { code, message } = abortError(operation, signal.reason);
    cancel(grpcStatusOf(code), message);
  };
  // a call is cancelled once it has started
  if (signal.aborted) queueMicrotask(abort);
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

const set = (metadata: Metadata, key: string, value: string): void => metadata.set(key, value);

class ClientCall {
  readonly #attributes: Readonly<Record<string, string>>;
  readonly #started = performance.now();
  readonly #span: Span;

  constructor(method: string) {
    this.#attributes = { [RPC_LABELS.system]: 'grpc', [RPC_LABELS.method]: method };
    this.#span = trace
      .getTracer(RPC_SCOPE)
      .startSpan(method, { kind: SpanKind.CLIENT, attributes: this.#attributes });
  }

  /** Writes what OpenTelemetry's propagators write, and the suite's trace headers. The deadline goes as `grpc-timeout`. */
  carry(metadata: Metadata): void {
    const carrying = trace.setSpan(context.active(), this.#span);
    propagation.inject(carrying, metadata, { set });
    context.with(carrying, () =>
      InfraContext.inject(metadata, (carrier, key, value) => {
        if (key !== DEADLINE_HEADER) set(carrier, key, value);
      }),
    );
  }

  end(code: number, details: string): void {
    const status = statusName(code);
    const outcome = {
      [RPC_LABELS.statusCode]: status,
      ...(status !== 'OK' && { [RPC_LABELS.errorType]: status }),
    };
    clientDuration.record((performance.now() - this.#started) / 1000, { ...this.#attributes, ...outcome });
    this.#span.setAttributes(outcome);
    if (status !== 'OK') this.#span.setStatus({ code: SpanStatusCode.ERROR, message: details });
    this.#span.end();
  }
}
