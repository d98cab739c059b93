import { isDeepStrictEqual } from 'node:util';
import { ConfigError, envText, isConfigError, parseConfig } from '@infra-kit/kernel';
import type { EsDriver } from './drivers/es-driver.js';
import { defaultEsConfig, EsConfig } from './es.config.js';

const COMPONENT = 'es';
const VARIABLE = 'ELASTICSEARCH_URL';

/** Fields that take effect while it runs; a change of any other waits for a restart. */
const HOT: ReadonlySet<string> = new Set(['requestTimeoutMs', 'maxRetries', 'bulk']);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function isEsDriver(value: unknown): value is EsDriver {
  return (
    isObject(value) &&
    ['ping', 'search', 'bulk', 'changeAliases', 'failureOf', 'close'].every(
      (name) => typeof value[name] === 'function',
    )
  );
}

const splitList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Why an address cannot be used; undefined: it can. Never quotes it, since it may hold a password. */
function nodeProblem(node: string): string | undefined {
  if (!URL.canParse(node)) return 'write http://host:port or https://host:port';
  const { protocol, search, hash } = new URL(node);
  if (protocol !== 'http:' && protocol !== 'https:') return 'the scheme must be http or https';
  return search === '' && hash === '' ? undefined : 'it must not have a query';
}

function fieldProblems(data: Record<string, unknown>, nodesName: string): string[] {
  const { driver, nodes, auth, tls } = data;
  const problems = (Array.isArray(nodes) ? nodes : []).flatMap((node, index) => {
    const problem = typeof node === 'string' ? nodeProblem(node) : undefined;
    return problem === undefined ? [] : [`${nodesName}[${index}]: ${problem}`];
  });
  if (driver === 'elasticsearch' && nodes === undefined)
    problems.push(
      `nodes: elasticsearch needs an address; pass nodes, set ${VARIABLE}, or ask for driver: 'memory'`,
    );
  if (isObject(auth)) {
    if ((auth['username'] === undefined) !== (auth['password'] === undefined))
      problems.push('auth.password: username and password go together');
    if (auth['apiKey'] !== undefined && auth['username'] !== undefined)
      problems.push('auth.apiKey: pass either a user or an API key');
  }
  if (isObject(tls) && (tls['cert'] === undefined) !== (tls['key'] === undefined))
    problems.push('tls.key: cert and key go together');
  return problems;
}

function parsed(data: Record<string, unknown>, instance: string): EsConfig | readonly string[] {
  try {
    return parseConfig(EsConfig, data, { component: COMPONENT, instance });
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

/**
 * The configuration in force: what the code passes, then ELASTICSEARCH_URL, then the default of the environment.
 * One `ConfigError` names everything that is wrong.
 */
export function parseEsConfig(
  options: unknown,
  place: { readonly env: string; readonly instance: string },
): EsConfig {
  const { env, instance } = place;
  if (!isObject(options)) return parseConfig(EsConfig, options, { component: COMPONENT, instance });
  const { driver: passed, node, ...data } = options;
  const twice = node !== undefined && data['nodes'] !== undefined;
  const ready = isEsDriver(passed) ? passed : undefined;
  const wantsServer = passed === undefined || passed === 'elasticsearch';
  const given = data['nodes'] ?? node;
  const fromEnv = wantsServer && given === undefined ? envText(VARIABLE) : undefined;
  const nodes = given ?? fromEnv;
  data['nodes'] = typeof nodes === 'string' ? splitList(nodes) : nodes;
  if (ready === undefined)
    data['driver'] = passed ?? (nodes === undefined ? defaultEsConfig(env).driver : 'elasticsearch');

  const config = parsed(data, instance);
  const problems = [
    ...(config instanceof EsConfig ? [] : config),
    ...fieldProblems(data, fromEnv === undefined ? 'nodes' : VARIABLE),
    ...(twice ? ['node: pass nodes or node, not both'] : []),
  ];
  if (!(config instanceof EsConfig) || problems.length > 0)
    throw new ConfigError(COMPONENT, problems, instance);
  if (ready !== undefined) config.driver = ready;
  return config;
}

/** The fields in which two configurations differ and which only a restart can change. */
export function structuralChanges(running: EsConfig, next: EsConfig): string[] {
  const fields = new Set([...Object.keys(running), ...Object.keys(next)]) as Set<keyof EsConfig>;
  return [...fields].filter((field) => !HOT.has(field) && !isDeepStrictEqual(running[field], next[field]));
}
