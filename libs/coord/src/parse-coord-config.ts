import { isDeepStrictEqual } from 'node:util';
import { ConfigError, envText, isConfigError, parseConfig } from '@infra-kit/kernel';
import { CoordConfig, defaultCoordConfig } from './coord.config.js';
import type { CoordDriver } from './drivers/coord-driver.js';

const COMPONENT = 'coord';
const VARIABLE = 'ETCD_ENDPOINTS';

/** Fields that take effect while it runs; a change of any other waits for a restart. */
const HOT: ReadonlySet<string> = new Set(['requestTimeoutMs', 'lockTtlMs', 'resyncIntervalMs']);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function isCoordDriver(value: unknown): value is CoordDriver {
  return (
    isObject(value) &&
    ['connect', 'range', 'txn', 'watch', 'codeOf', 'close'].every((name) => typeof value[name] === 'function')
  );
}

const splitList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Why an address cannot be used; undefined: it can. Never quotes it, since it may hold a password. */
function endpointProblem(endpoint: string): string | undefined {
  const url = endpoint.includes('://') ? endpoint : `http://${endpoint}`;
  if (!URL.canParse(url)) return 'write host:port, http://host:port or https://host:port';
  const { protocol, username, password, pathname, search, port } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return 'the scheme must be http or https';
  if (username !== '' || password !== '') return 'pass username and password in their own fields';
  if (pathname !== '/' || search !== '') return 'it must not have a path';
  if (port === '' && !/:(80|443)\/?$/.test(endpoint)) return 'it needs a port';
  return undefined;
}

function endpointProblems(endpoints: unknown, name: string): string[] {
  if (!Array.isArray(endpoints)) return [];
  const texts = endpoints.filter((endpoint) => typeof endpoint === 'string');
  const problems = texts.flatMap((endpoint, index) => {
    const problem = endpointProblem(endpoint);
    return problem === undefined ? [] : [`${name}[${index}]: ${problem}`];
  });
  const secure = texts.filter((endpoint) => endpoint.startsWith('https://')).length;
  if (secure > 0 && texts.some((endpoint) => endpoint.startsWith('http://')))
    problems.push(`${name}: http and https must not be mixed`);
  return problems;
}

function fieldProblems(data: Record<string, unknown>, endpointsName: string): string[] {
  const { driver, endpoints, username, password, tls } = data;
  const problems = endpointProblems(endpoints, endpointsName);
  if (driver === 'etcd' && endpoints === undefined)
    problems.push(
      `endpoints: etcd needs an address; pass endpoints, set ${VARIABLE}, or ask for driver: 'memory'`,
    );
  if ((username === undefined) !== (password === undefined))
    problems.push('password: username and password go together');
  if (isObject(tls) && (tls['cert'] === undefined) !== (tls['key'] === undefined))
    problems.push('tls.key: cert and key go together');
  return problems;
}

function parsed(data: Record<string, unknown>, instance: string): CoordConfig | readonly string[] {
  try {
    return parseConfig(CoordConfig, data, { component: COMPONENT, instance });
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

/**
 * The configuration in force: what the code passes, then ETCD_ENDPOINTS, then the default of the environment.
 * One `ConfigError` names everything that is wrong.
 */
export function parseCoordConfig(
  options: unknown,
  place: { readonly env: string; readonly instance: string },
): CoordConfig {
  const { env, instance } = place;
  if (!isObject(options)) return parseConfig(CoordConfig, options, { component: COMPONENT, instance });
  const { driver: passed, ...data } = options;
  const ready = isCoordDriver(passed) ? passed : undefined;
  const wantsEtcd = passed === undefined || passed === 'etcd';
  const fromEnv = wantsEtcd && data['endpoints'] === undefined ? envText(VARIABLE) : undefined;
  const endpoints = data['endpoints'] ?? fromEnv;
  if (typeof endpoints === 'string') data['endpoints'] = splitList(endpoints);
  if (ready === undefined)
    data['driver'] = passed ?? (endpoints === undefined ? defaultCoordConfig(env).driver : 'etcd');

  const config = parsed(data, instance);
  const problems = [
    ...(config instanceof CoordConfig ? [] : config),
    ...fieldProblems(data, fromEnv === undefined ? 'endpoints' : VARIABLE),
  ];
  if (!(config instanceof CoordConfig) || problems.length > 0)
    throw new ConfigError(COMPONENT, problems, instance);
  if (ready !== undefined) config.driver = ready;
  return config;
}

/** The fields in which two configurations differ and which only a restart can change. */
export function structuralChanges(running: CoordConfig, next: CoordConfig): string[] {
  const fields = new Set([...Object.keys(running), ...Object.keys(next)]) as Set<keyof CoordConfig>;
  return [...fields].filter((field) => !HOT.has(field) && !isDeepStrictEqual(running[field], next[field]));
}
