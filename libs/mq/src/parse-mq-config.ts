import { isDeepStrictEqual } from 'node:util';
import { ConfigError, envText, isConfigError, parseConfig } from '@infra-kit/kernel';
import type { MqDriver } from './drivers/mq-driver.js';
import { defaultMqConfig, MqConfig } from './mq.config.js';

const COMPONENT = 'mq';
const VARIABLE = 'KAFKA_BROKERS';

/** Fields that take effect while it runs; a change of any other waits for a restart. */
const HOT: ReadonlySet<string> = new Set([
  'requestTimeoutMs',
  'producer.maxBufferedBytes',
  'producer.timeoutMs',
  'consumer.commitIntervalMs',
  'consumer.drainMs',
  'consumer.silenceMs',
]);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function isMqDriver(value: unknown): value is MqDriver {
  return (
    isObject(value) &&
    ['connect', 'produce', 'join', 'codeOf', 'close'].every((name) => typeof value[name] === 'function')
  );
}

const splitList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Idempotence where nothing speaks against it. */
function withIdempotence(producer: unknown): unknown {
  if (!isObject(producer)) return producer;
  const { acks, idempotent } = producer;
  return idempotent === undefined && acks !== undefined && acks !== 'all'
    ? { ...producer, idempotent: false }
    : producer;
}

function fieldProblems(data: Record<string, unknown>): string[] {
  const problems: string[] = [];
  const { driver, brokers, producer, consumer, tls } = data;
  if (driver === 'kafka' && brokers === undefined)
    problems.push(
      `brokers: Kafka needs an address; pass brokers, set ${VARIABLE}, or ask for driver: 'memory'`,
    );
  if (isObject(producer) && producer['idempotent'] === true && (producer['acks'] ?? 'all') !== 'all')
    problems.push("producer.idempotent: it needs acks: 'all'");
  if (isObject(tls) && (tls['cert'] === undefined) !== (tls['key'] === undefined))
    problems.push('tls.key: cert and key go together');
  if (isObject(consumer)) {
    const { heartbeatIntervalMs: beat = 3000, sessionTimeoutMs: session = 30_000 } = consumer;
    if (typeof beat === 'number' && typeof session === 'number' && beat >= session)
      problems.push('consumer.heartbeatIntervalMs: it must be less than sessionTimeoutMs; a third is usual');
  }
  return problems;
}

function parsed(data: Record<string, unknown>, instance: string): MqConfig | readonly string[] {
  try {
    return parseConfig(MqConfig, data, { component: COMPONENT, instance });
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

/**
 * The configuration in force: what the code passes, then KAFKA_BROKERS, then the default of the environment.
 * One `ConfigError` names everything that is wrong.
 */
export function parseMqConfig(
  options: unknown,
  place: { readonly env: string; readonly instance: string },
): MqConfig {
  const { env, instance } = place;
  if (!isObject(options)) return parseConfig(MqConfig, options, { component: COMPONENT, instance });
  const { driver: passed, ...data } = options;
  const defaults = defaultMqConfig(env);
  const ready = isMqDriver(passed) ? passed : undefined;
  const wantsKafka = passed === undefined || passed === 'kafka';
  const brokers = data['brokers'] ?? (wantsKafka ? envText(VARIABLE) : undefined);
  if (brokers !== undefined) data['brokers'] = typeof brokers === 'string' ? splitList(brokers) : brokers;
  if (ready === undefined) data['driver'] = passed ?? (brokers === undefined ? defaults.driver : 'kafka');
  data['createTopics'] ??= defaults.createTopics;
  data['producer'] = withIdempotence(data['producer']);

  const config = parsed(data, instance);
  const problems = [...(config instanceof MqConfig ? [] : config), ...fieldProblems(data)];
  if (!(config instanceof MqConfig) || problems.length > 0)
    throw new ConfigError(COMPONENT, problems, instance);
  if (ready !== undefined) config.driver = ready;
  return config;
}

function changes(running: object, next: object, path: string): string[] {
  const fields = new Set([...Object.keys(running), ...Object.keys(next)]);
  return [...fields].flatMap((field) => {
    const name = `${path}${field}`;
    const [before, after]: unknown[] = [Reflect.get(running, field), Reflect.get(next, field)];
    if (['producer', 'consumer'].includes(name)) return changes(Object(before), Object(after), `${name}.`);
    return HOT.has(name) || isDeepStrictEqual(before, after) ? [] : [name];
  });
}

/** The fields in which two configurations differ and which only a restart can change. */
export function structuralChanges(running: MqConfig, next: MqConfig): string[] {
  return changes(running, next, '');
}
