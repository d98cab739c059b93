import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { statusName } from './rpc-status.js';
import { ServerCall, type GrpcServerSettings } from './server-call.js';

/**
 * The same for a server of @grpc/grpc-js without Nest:
 * `new Server({ interceptors: [grpcServerInterceptor()] })`. Handlers of every kind run in the call's context.
 */
export function grpcServerInterceptor(settings: GrpcServerSettings = {}): ServerInterceptor {
  return (method, inner) => {
    let call: ServerCall | undefined;
    const inside = (forward: () => void): void => (call === undefined ? forward() : call.run(forward));
    return new ServerInterceptingCall(inner, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            const read = (key: string): unknown => metadata.get(key)[0];
            const path = method.path.replace(/^\//, '');
            const deadline = Number(inner.getDeadline());
            call = new ServerCall({ system: 'grpc', method: path, read, deadline }, settings);
            inside(() => forward(metadata));
          },
          onReceiveMessage: (message, forward) => inside(() => forward(message)),
          onReceiveHalfClose: (forward) => inside(forward),
          onCancel: () => call?.abandon(),
        }),
      sendStatus: (status, forward) => {
        call?.end(statusName(status.code));
        forward(status);
      },
    });
  };
}
