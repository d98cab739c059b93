import type { CallOptions, InterceptingCall, Interceptor } from '@grpc/grpc-js';

/** gRPC's number for CANCELLED. */
const CANCELLED = 1;

export interface CallTerms {
  readonly token: string | undefined;
  /** Epoch milliseconds; undefined: none, as for a watch. */
  readonly deadline: number | undefined;
  /** Cancels the call. */
  readonly signal: AbortSignal;
  /** The answering member must have a leader. */
  readonly wantsLeader?: boolean | undefined;
}

/** gRPC's options of one call: etcd3 hands them on as they are. */
export function callOptions({ token, deadline, signal, wantsLeader }: CallTerms): CallOptions {
  const interceptor: Interceptor = (options, next) => {
    const call = next(options);
    const start = call.start.bind(call);
    call.start = (metadata, listener) => {
      if (token !== undefined) metadata.set('token', token);
      if (wantsLeader) metadata.set('hasleader', 'true');
      start(metadata, listener);
    };
    const cancel = (): void => call.cancelWithStatus(CANCELLED, 'the caller has given up');
    signal.addEventListener('abort', cancel, { once: true });
    return call as InterceptingCall; // gRPC asks for no more than its interface
  };
  return { ...(deadline !== undefined && { deadline }), interceptors: [interceptor] };
}
