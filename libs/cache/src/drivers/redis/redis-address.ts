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

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
