/** Where a Redis is and how to get in, read from a URL. Pure: loads no client. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number | undefined;
  readonly tls: boolean;
}

export const DEFAULT_PORT = 6379;
const SHAPE = 'redis://host:port/db, or rediss:// for TLS';
const SCHEMES = new Set(['redis:', 'rediss:']);

/** What is wrong with a URL, as a clause that quotes nothing of it: it may hold a password anywhere. */
export function redisUrlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return `must be ${SHAPE}; this is no URL`;
  if (!SCHEMES.has(url.protocol)) return `must be ${SHAPE}; the scheme is another`;
  if (url.hostname === '') return `must be ${SHAPE}; the host is missing`;
  if (!/^\/?\d*$/.test(url.pathname))
    return `must be ${SHAPE}; after the port only a database number may stand`;
  if (url.search !== '' || url.hash !== '') return `must be ${SHAPE}; nothing may follow the database number`;
  if (decoded(url.username) === undefined || decoded(url.password) === undefined)
    return `must be ${SHAPE}; a % in user name or password must be written %25`;
  return undefined;
}

/** Reads a URL that has no problem. */
export function parseRedisUrl(text: string): RedisAddress {
  const url = new URL(text);
  const db = url.pathname.slice(1);
  return {
    host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    username: decoded(url.username) || undefined,
    password: decoded(url.password) || undefined,
    db: db === '' ? undefined : Number(db),
    tls: url.protocol === 'rediss:',
  };
}

/** A node of a cluster: an object, or host:port, or a URL. */
export type ClusterNodeAddress = string | { readonly host: string; readonly port?: number | undefined };

const asUrl = (text: string): string => (text.includes('://') ? text : `redis://${text}`);

/** What is wrong with a node, as `redisUrlProblem` says it. */
export function clusterNodeProblem(node: unknown): string | undefined {
  if (typeof node === 'string') {
    const problem = redisUrlProblem(asUrl(node));
    if (problem !== undefined) return problem.replace(SHAPE, `host:port, or ${SHAPE}`);
    return (parseRedisUrl(asUrl(node)).db ?? 0) === 0 ? undefined : 'a cluster has no database but 0';
  }
  if (typeof node !== 'object' || node === null) return 'must be { host, port } or host:port';
  const { host, port, ...others } = node as Readonly<Record<string, unknown>>;
  if (typeof host !== 'string' || host === '') return 'host must be a text that is not empty';
  if (port !== undefined && !(Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65_535))
    return 'port must be a whole number from 1 to 65535';
  const [unknown] = Object.keys(others);
  return unknown === undefined ? undefined : `${unknown} is not known; a node has host and port`;
}

/** Reads a node that has no problem. */
export function parseClusterNode(node: ClusterNodeAddress): RedisAddress {
  if (typeof node === 'string') return parseRedisUrl(asUrl(node));
  const { host, port = DEFAULT_PORT } = node;
  return { host, port, username: undefined, password: undefined, db: undefined, tls: false };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
