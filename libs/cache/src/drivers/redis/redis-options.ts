import { redactUrl } from '@infra-kit/kernel';
import type { RedisOptions } from 'ioredis';
import {
  DEFAULT_PORT,
  parseClusterNode,
  parseRedisUrl,
  type ClusterNodeAddress,
  type RedisAddress,
} from './redis-address.js';

const LOCAL = { host: '127.0.0.1', port: DEFAULT_PORT };

/** ioredis' own options; the mapping of RESP3 replies, which we do not speak, stands in the way of its types. */
export type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

export interface RedisTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

/** What `redisDriver` takes; the fields are those of `CacheConfig`. */
export interface RedisDriverOptions {
  readonly url?: string | undefined;
  readonly sentinels?: readonly { readonly host: string; readonly port: number }[] | undefined;
  readonly sentinelName?: string | undefined;
  readonly clusterNodes?: readonly ClusterNodeAddress[] | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: boolean | RedisTls | undefined;
  readonly db?: number | undefined;
  /** Default 1. */
  readonly poolSize?: number | undefined;
  /** Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Default 1,000. A connection whose oldest command waits longer is replaced. */
  readonly commandTimeoutMs?: number | undefined;
  /** Shown by CLIENT LIST; default 'infra-kit:cache'. */
  readonly connectionName?: string | undefined;
}

function tlsOptions(tls: boolean | RedisTls | undefined, byUrl: boolean): ClientOptions['tls'] | undefined {
  if (tls === false || (tls === undefined && !byUrl)) return undefined;
  if (tls === undefined || tls === true) return {};
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}

/** Where ioredis connects to; with sentinels each gets a share of the time, so that a silent one is passed over. */
function placeOptions(options: RedisDriverOptions, connectTimeoutMs: number): ClientOptions {
  const { url, sentinels, sentinelName } = options;
  if (sentinels === undefined) {
    const { host, port } = url === undefined ? LOCAL : parseRedisUrl(url);
    return { host, port, connectTimeout: connectTimeoutMs };
  }
  const share = Math.max(1, Math.floor(connectTimeoutMs / (sentinels.length + 1)));
  return {
    sentinels: sentinels.map(({ host, port }) => ({ host, port })),
    name: sentinelName ?? '',
    connectTimeout: share,
    sentinelCommandTimeout: share,
  };
}

/** What ioredis is made with. */
export function clientOptions(options: RedisDriverOptions, connectTimeoutMs: number): ClientOptions {
  const { url } = options;
  const address = url === undefined ? undefined : parseRedisUrl(url);
  const db = options.db ?? address?.db;
  return {
    ...placeOptions(options, connectTimeoutMs),
    ...accessOptions(options, address),
    ...(db !== undefined && { db }),
  };
}

/** The same for the nodes of a cluster, whose places are found out. */
export function clusterOptions(options: RedisDriverOptions, connectTimeoutMs: number): ClientOptions {
  const addresses = (options.clusterNodes ?? []).map(parseClusterNode);
  const telling = addresses.find(({ username, password, tls }) => username ?? password ?? tls);
  return { connectTimeout: connectTimeoutMs, ...accessOptions(options, telling) };
}

export function clusterAddresses({ clusterNodes }: RedisDriverOptions): string[] {
  return (clusterNodes ?? []).map(parseClusterNode).map(({ host, port }) => `${host}:${port}`);
}

/** How to get in: what is passed wins over what the address says. */
function accessOptions(options: RedisDriverOptions, address: RedisAddress | undefined): ClientOptions {
  const username = options.username ?? address?.username;
  const password = options.password ?? address?.password;
  const tls = tlsOptions(options.tls, address?.tls ?? false);
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
    connectionName: (options.connectionName ?? 'infra-kit:cache').replace(/\s/g, '-'),
  };
}

/** Where it connects to, for eyes. */
export function shownAddress({ url, sentinels, sentinelName }: RedisDriverOptions): string {
  if (url !== undefined) return redactUrl(url);
  const list = (sentinels ?? []).map(({ host, port }) => `${host}:${port}`).join(', ');
  return `master '${sentinelName ?? ''}' by sentinels ${list}`;
}
