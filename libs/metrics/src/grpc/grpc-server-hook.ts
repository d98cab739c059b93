import type { ExecutionContext, PreRequestHook } from '@nestjs/common';
import { grpcCallOf, type GrpcServerCall } from '@infra-kit/kernel';
import { isObservable, Observable } from 'rxjs';
import { statusOfError } from './rpc-status.js';
import { ServerCall, type GrpcServerSettings, type IncomingCall } from './server-call.js';

/**
 * A pre-request hook of Nest, before guards, for every handler of a microservice: opens the ambient context (trace id,
 * deadline of `grpc-timeout`, a signal that aborts when the caller goes), a span, and measures. Unary and streaming calls
 * of gRPC; handlers of other transports too, where Kafka's headers carry the trace. Listeners that a `@GrpcStreamCall` handler puts
 * on its call run in the server's context; `@GrpcStreamMethod` has the call's. InfraKitModule
 * installs it; by hand: `app.registerPreRequestHook(grpcServerHook())`. Under another one it does nothing.
 */
export function grpcServerHook(settings: GrpcServerSettings = {}): PreRequestHook {
  return (execution, next) => {
    const args: unknown[] = execution.getArgs();
    if (entered.has(args)) return next();
    entered.add(args);
    return new Observable((subscriber) => {
      const grpc = grpcCallOf(args);
      const call = new ServerCall(incoming(execution, args, grpc), settings);
      const [requests] = args;
      if (isObservable(requests)) args[0] = inContextOf(call, requests);
      const onCancelled = (): void => call.abandon();
      grpc?.once('cancelled', onCancelled);
      subscriber.add(() => {
        grpc?.removeListener('cancelled', onCancelled);
        call.abandon(); // nothing to it when the call has ended
      });
      const inner = call.run(() =>
        next().subscribe({
          next: (value) => subscriber.next(value),
          error: (error: unknown) => {
            call.end(statusOfError(error), error);
            subscriber.error(error);
          },
          complete: () => {
            call.end('OK');
            subscriber.complete();
          },
        }),
      );
      subscriber.add(inner);
    });
  };
}

/** Where Nest starts a request stream once the handler has subscribed. */
const START_STREAM = 'drainBuffer';

/** Requests of a stream come in the server's context: hands them on in the call's. */
function inContextOf(call: ServerCall, requests: Observable<unknown>): Observable<unknown> {
  const inside = new Observable<unknown>((subscriber) =>
    requests.subscribe({
      next: (value) => call.run(() => subscriber.next(value)),
      error: (error: unknown) => call.run(() => subscriber.error(error)),
      complete: () => call.run(() => subscriber.complete()),
    }),
  );
  return Object.defineProperty(inside, START_STREAM, { value: Reflect.get(requests, START_STREAM) });
}

/** Calls that a hook of this kind has opened: arguments are one array a call. */
const entered = new WeakSet<object>();

function incoming(
  execution: ExecutionContext,
  args: readonly unknown[],
  grpc: GrpcServerCall | undefined,
): IncomingCall {
  if (grpc === undefined) {
    const method = `${execution.getClass().name}/${execution.getHandler().name}`;
    const headers = messageHeaders(args[1]);
    return { system: 'nestjs', method, read: (key) => Reflect.get(headers, key), deadline: Infinity };
  }
  return {
    system: 'grpc',
    method: grpc.getPath().replace(/^\//, ''),
    read: (key) => grpc.metadata.get(key)[0],
    deadline: Number(grpc.getDeadline()),
  };
}

/** Of KafkaContext; other transports carry none. */
function messageHeaders(transport: unknown): object {
  const getMessage: unknown = Reflect.get(Object(transport), 'getMessage');
  const message: unknown = typeof getMessage === 'function' ? Reflect.apply(getMessage, transport, []) : {};
  return Object(Reflect.get(Object(message), 'headers') ?? {}) as object;
}
