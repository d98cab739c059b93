import type { Clock, Logger } from '@infra-kit/kernel';

/** What a driver for Kafka is made from, whatever client it stands on. */
export interface KafkaOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
  readonly tls?:
    | boolean
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
        readonly servername?: string | undefined;
        readonly rejectUnauthorized?: boolean | undefined;
      }
    | undefined;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly producer: {
    readonly acks: 'all' | 'leader' | 'none';
    readonly idempotent: boolean;
    readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
    /** Longest a send is tried. */
    readonly timeoutMs: number;
  };
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}
