import { lazyHistogram } from '@infra-kit/kernel';

/** Scope of the instruments and spans. */
export const RPC_SCOPE = '@infra-kit/metrics/grpc';

/** Names of OpenTelemetry's semantic conventions 1.45, where those of remote procedure calls are stable. */
export const RPC_METRICS = {
  /** Histogram, seconds. Calls of this process' handlers. */
  serverDuration: 'rpc.server.call.duration',
  /** Histogram, seconds. Calls that this process has made. */
  clientDuration: 'rpc.client.call.duration',
} as const;

/** Labels of the instruments, attributes of the spans. All are bounded: methods are those that the service has. */
export const RPC_LABELS = {
  /** `grpc`; `nestjs` for handlers of other transports of @nestjs/microservices. */
  system: 'rpc.system.name',
  /** `package.Service/Method`; of other transports `Controller/handler`. */
  method: 'rpc.method',
  /** `OK`, `NOT_FOUND`, …: the name of the gRPC status. */
  statusCode: 'rpc.status_code',
  /** The same name, where it counts as an error. */
  errorType: 'error.type',
} as const;

const duration = (name: string, description: string): ReturnType<typeof lazyHistogram> =>
  lazyHistogram(RPC_SCOPE, name, {
    unit: 's',
    description,
    advice: {
      explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    },
  });

export const serverDuration = duration(RPC_METRICS.serverDuration, 'Time of a call of a handler');
export const clientDuration = duration(RPC_METRICS.clientDuration, 'Time of a call that was made');
