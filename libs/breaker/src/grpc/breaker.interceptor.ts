import {
  InterceptingCall,
  Metadata,
  status,
  type Interceptor,
  type InterceptorOptions,
  type Listener,
  type StatusObject,
} from '@grpc/grpc-js';
import { grpcStatusOf, InfraError } from '@infra-kit/kernel';
import type { Breaker } from '../breaker.provider.js';

type InnerCall = ReturnType<Parameters<Interceptor>[1]>;

/**
 * A client interceptor of @grpc/grpc-js: each call, of whatever kind, goes through the breaker from its start to its status.
 * Client errors (INVALID_ARGUMENT, NOT_FOUND, …) and CANCELLED are not failures. A call that is refused does not reach the
 * wire: it ends with UNAVAILABLE; one that takes longer than `timeoutMs` is cancelled, and ends with DEADLINE_EXCEEDED.
 * @param breaker one for all calls, or chosen by the method's path, as `/shop.Orders/Get`.
 */
export function breakerInterceptor(breaker: Breaker | ((path: string) => Breaker)): Interceptor {
  return (options, nextCall) => {
    const inner = nextCall(options);
    return new InterceptingCall(inner, {
      start: (metadata, listener, next) => {
        const begin = (own: Listener): void => next(metadata, own);
        // async: a choice that throws ends the call with a status, as all else that goes wrong does
        const conducted = async (): Promise<StatusObject> =>
          choose(breaker, options).execute((signal) => conduct(inner, begin, signal));
        void conducted()
          .catch(statusOf)
          .then((ended) => listener.onReceiveStatus(ended));
      },
    });
  };
}

function choose(breaker: Breaker | ((path: string) => Breaker), options: InterceptorOptions): Breaker {
  return typeof breaker === 'function' ? breaker(options.method_definition.path) : breaker;
}

/** Resolves with the status OK, rejects with any other; the listener below hears of it when the breaker has. */
function conduct(
  inner: InnerCall,
  begin: (listener: Listener) => void,
  signal: AbortSignal,
): Promise<StatusObject> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => inner.cancelWithStatus(status.CANCELLED, 'given up by the breaker');
    signal.addEventListener('abort', cancel, { once: true });
    begin({
      onReceiveStatus: (ended) => {
        signal.removeEventListener('abort', cancel);
        if (ended.code === status.OK) resolve(ended);
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- gRPC's own form of an error
        else reject(ended);
      },
    });
  });
}

function statusOf(error: unknown): StatusObject {
  if (isStatus(error)) return error;
  const { code, message } = InfraError.from(error);
  return { code: grpcStatusOf(code), details: message, metadata: new Metadata() };
}

function isStatus(error: unknown): error is StatusObject {
  return typeof Reflect.get(Object(error), 'code') === 'number';
}
