import { isDeepStrictEqual } from 'node:util';
import { ConfigError, envText, isConfigError, parseConfig } from '@infra-kit/kernel';
import { DbConfig, defaultDbConfig, type DbEntity } from './db.config.js';

const COMPONENT = 'db';
const URL_VARIABLE = 'DATABASE_URL';
const SCHEMES: ReadonlySet<string> = new Set(['postgres:', 'postgresql:']);

/** Fields that take effect while the component runs; a change of any other waits for a restart. */
const HOT: ReadonlySet<string> = new Set(['slowQueryMs', 'logLevel']);

const isEntity = (value: unknown): boolean => typeof value === 'function' || isObject(value);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function urlProblem(url: unknown): string | undefined {
  if (typeof url !== 'string') return undefined;
  if (!URL.canParse(url)) return 'not a URL; write postgresql://user:password@host:5432/database';
  if (!isDecodable(url)) return 'a % in it is no escape; write %25 for a % that means itself';
  const { protocol, hostname, pathname } = new URL(url);
  if (!SCHEMES.has(protocol)) return `its scheme must be postgresql:, got ${protocol}`;
  if (hostname === '' && !url.includes('host=')) return 'it names no host';
  if (pathname.length < 2) return 'it names no database; write postgresql://host:5432/database';
  return undefined;
}

function addressProblems(data: Record<string, unknown>, urlName: string): string[] {
  const { url, driver, replicas, sharding, dataDir } = data;
  const problems: string[] = [];
  const say = (field: string, value: unknown): void => {
    const wrong = urlProblem(value);
    if (wrong !== undefined) problems.push(`${field}: ${wrong}`);
  };
  say(urlName, url);
  if (Array.isArray(replicas)) replicas.forEach((replica, index) => say(`replicas[${index}]`, replica));
  const servers = isObject(sharding) ? sharding['servers'] : undefined;
  if (Array.isArray(servers))
    servers.forEach((server, index) =>
      say(`sharding.servers[${index}].url`, isObject(server) ? server['url'] : undefined),
    );
  if (driver === 'embedded') {
    if (url !== undefined)
      problems.push(
        `url: driver 'embedded' starts its own server; leave url out, or ask for driver: 'postgresql'`,
      );
    if (Array.isArray(replicas) && replicas.length > 0)
      problems.push('replicas: the embedded server has none');
    if (servers !== undefined)
      problems.push('sharding.servers: the embedded server holds every shard; leave them out');
    return problems;
  }
  if (dataDir !== undefined) problems.push("dataDir: it belongs to driver: 'embedded'");
  if (url === undefined && servers === undefined)
    problems.push(
      `url: PostgreSQL needs an address; pass url, set ${URL_VARIABLE}, or ask for driver: 'embedded'`,
    );
  if (isObject(sharding) && servers === undefined && url === undefined)
    problems.push('sharding.servers: name the servers that hold the shards');
  return problems;
}

function shardingProblems(config: DbConfig): string[] {
  const { sharding } = config;
  if (sharding === undefined) return [];
  const problems: string[] = [];
  const names = (sharding.servers ?? []).map(({ name }) => name);
  if (new Set(names).size < names.length) problems.push('sharding.servers: each needs a name of its own');
  if (sharding.tables.size === 0) problems.push('sharding.tables: name at least one table and its key');
  if (sharding.shards < names.length)
    problems.push(
      `sharding.shards: ${names.length} servers need at least as many shards, got ${sharding.shards}`,
    );
  return problems;
}

/**
 * The configuration in force: what the code passes, then DATABASE_URL, then the default of the environment.
 * One `ConfigError` names everything that is wrong; no part of a URL is quoted, since it may hold a password.
 */
export function parseDbConfig(
  options: unknown,
  place: { readonly env: string; readonly instance: string },
): DbConfig {
  const { env, instance } = place;
  if (!isObject(options)) return parseConfig(DbConfig, options, { component: COMPONENT, instance });
  const { entities, ...data } = options;
  const defaults = defaultDbConfig(env);
  const addressed =
    data['url'] !== undefined || (isObject(data['sharding']) && data['sharding']['servers'] !== undefined);
  const fromEnv = data['driver'] !== 'embedded' && !addressed ? envText(URL_VARIABLE) : undefined;
  if (fromEnv !== undefined) data['url'] = fromEnv;
  data['driver'] ??= addressed || fromEnv !== undefined ? 'postgresql' : defaults.driver;
  data['autoMigrate'] ??= defaults.autoMigrate;

  const problems = addressProblems(data, fromEnv === undefined ? 'url' : URL_VARIABLE);
  if (entities !== undefined && !Array.isArray(entities))
    problems.push('entities: must be a list of entities');
  if (Array.isArray(entities))
    entities.forEach((entity: unknown, index) => {
      if (!isEntity(entity))
        problems.push(`entities[${index}]: must be a class or what defineEntity returns`);
    });
  let config: DbConfig | undefined;
  try {
    config = parseConfig(DbConfig, data, { component: COMPONENT, instance });
    problems.push(...shardingProblems(config));
    if (config.pool.min > config.pool.max)
      problems.push(`pool.min: must not be above pool.max (got ${config.pool.min} and ${config.pool.max})`);
    if (config.autoMigrate === true && config.pool.max < 2)
      problems.push('pool.max: autoMigrate needs 2, one connection holds the lock while another works');
  } catch (error) {
    if (!isConfigError(error)) throw error;
    problems.unshift(...error.problems);
  }
  if (config === undefined || problems.length > 0) throw new ConfigError(COMPONENT, problems, instance);
  config.entities = entities as readonly DbEntity[] | undefined;
  return config;
}

/** The fields in which two configurations differ and which only a restart can change. */
export function structuralChanges(running: DbConfig, next: DbConfig): string[] {
  const fields = new Set([...Object.keys(running), ...Object.keys(next)]) as Set<keyof DbConfig>;
  return [...fields].filter((field) => !HOT.has(field) && !isDeepStrictEqual(running[field], next[field]));
}
