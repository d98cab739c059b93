import type { IOptions } from 'etcd3';

/** What the etcd driver needs to know; a `CoordConfig` fits. */
export interface EtcdDriverOptions {
  /** `host:port`, or `http://` and `https://` URLs. */
  readonly endpoints: readonly string[];
  /** Milliseconds; default 5,000. */
  readonly dialTimeoutMs?: number | undefined;
  /** Milliseconds; default 3,000. The front's own limit may be nearer. */
  readonly requestTimeoutMs?: number | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM texts; `ca` undefined: the authorities Node trusts. */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
  readonly keepAlive?: boolean | { readonly timeMs: number; readonly timeoutMs: number } | undefined;
}

const KEEP_ALIVE = { timeMs: 10_000, timeoutMs: 3000 };

/** gRPC would wait up to two minutes before it tries a server again. */
const RECONNECT = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1000 };

type Policies = NonNullable<IOptions['faultHandling']>;
type Policy = NonNullable<Policies['global']>;

/**
 * In place of etcd3's retries and circuit breaker: a call is made once. What may be repeated, and where, is decided by
 * `EtcdEndpoints`; a breaker would keep calls from a server that is back.
 */
const ONCE = {
  execute: async (call: (context: { signal: AbortSignal }) => unknown) =>
    call({ signal: new AbortController().signal }),
} as unknown as Policy;

export function isSecure({ endpoints, tls }: EtcdDriverOptions): boolean {
  return tls !== undefined || endpoints.some((endpoint) => endpoint.startsWith('https://'));
}

/** `host:port` of an endpoint. */
export function hostOf(endpoint: string): string {
  return endpoint.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

export function clientOptions(endpoint: string, options: EtcdDriverOptions): IOptions {
  const { tls, keepAlive = true } = options;
  const { timeMs, timeoutMs } = typeof keepAlive === 'object' ? keepAlive : KEEP_ALIVE;
  return {
    hosts: `${isSecure(options) ? 'https' : 'http'}://${hostOf(endpoint)}`,
    ...(tls !== undefined && { credentials: credentialsOf(tls) }),
    faultHandling: { global: ONCE, host: () => ONCE },
    grpcOptions: {
      ...RECONNECT,
      'grpc.max_receive_message_length': -1,
      ...(keepAlive !== false && {
        'grpc.keepalive_time_ms': timeMs,
        'grpc.keepalive_timeout_ms': timeoutMs,
      }),
    },
  };
}

function credentialsOf(tls: NonNullable<EtcdDriverOptions['tls']>): NonNullable<IOptions['credentials']> {
  const { ca, cert, key } = tls;
  return {
    // gRPC takes null for the authorities Node trusts, though etcd3's type does not say so
    rootCertificate: (ca === undefined ? null : Buffer.from(ca)) as Buffer,
    ...(cert !== undefined && key !== undefined
      ? { certChain: Buffer.from(cert), privateKey: Buffer.from(key) }
      : {}),
  };
}
