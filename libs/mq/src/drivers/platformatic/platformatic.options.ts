import { isIP } from 'node:net';
import type { BaseOptions, ConnectionOptions } from '@platformatic/kafka';
import type { KafkaOptions } from '../kafka-options.js';

const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

/** The host of `host:port`; of an IPv6 address without its brackets. */
const hostOf = (broker: string): string => broker.slice(0, broker.lastIndexOf(':')).replace(/^\[|\]$/g, '');

/** A name is sent (SNI) unless brokers go by addresses, which RFC 6066 does not allow there. */
function tlsOptions({ tls, brokers }: KafkaOptions): Pick<ConnectionOptions, 'tls' | 'tlsServerName'> {
  if (tls === undefined || tls === false) return {};
  const { servername, ...certificates } = tls === true ? {} : tls;
  const given = Object.fromEntries(Object.entries(certificates).filter(([, value]) => value !== undefined));
  return { tls: given, tlsServerName: servername ?? brokers.every((broker) => isIP(hostOf(broker)) === 0) };
}

/** How every connection of the driver is made. */
export function connectionOptions(options: KafkaOptions, requestTimeoutMs: number): ConnectionOptions {
  const { sasl, connectTimeoutMs } = options;
  return {
    connectTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    ...tlsOptions(options),
    ...(sasl === undefined
      ? {}
      : {
          sasl: {
            mechanism: MECHANISMS[sasl.mechanism],
            username: sasl.username,
            password: sasl.password,
          },
        }),
  };
}

/** A client that tries nothing again by itself: what to repeat, and until when, is decided by the callers. */
export function clientOptions(options: KafkaOptions, requestTimeoutMs: number): BaseOptions {
  return {
    clientId: options.clientId,
    bootstrapBrokers: [...options.brokers],
    retries: 0,
    timeout: options.requestTimeoutMs,
    metadataMaxAge: 60_000,
    ...connectionOptions(options, requestTimeoutMs),
  };
}
