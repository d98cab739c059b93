export { grpcServerHook } from './grpc/grpc-server-hook.js';
export type { GrpcServerSettings } from './grpc/server-call.js';
