export { grpcClientInterceptor } from './grpc-client.interceptor.js';
export { grpcServerHook } from './grpc-server-hook.js';
export { grpcServerInterceptor } from './grpc-server.interceptor.js';
export type { GrpcServerSettings } from './server-call.js';
export { RPC_LABELS, RPC_METRICS, RPC_SCOPE } from './grpc.telemetry.js';
