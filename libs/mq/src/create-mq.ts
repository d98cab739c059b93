import {
  acceptReloads,
  buildComponent,
  isInfraError,
  messageOf,
  reportClose,
  type ComponentDeps,
  type ComponentSetting,
} from '@infra-kit/kernel';
import { codecOf } from './codecs/codecs.js';
import type { AroundHandler } from './consuming/handling.js';
import { Subscriptions } from './consuming/subscriptions.js';
import { DefaultMqProvider } from './default-mq.provider.js';
import { MemoryMqDriver } from './drivers/memory/memory.driver.js';
import { MemoryBroker } from './drivers/memory/memory-broker.js';
import type { KafkaOptions } from './drivers/kafka-options.js';
import type { MqDriver } from './drivers/mq-driver.js';
import type { MqEngine } from './mq-engine.js';
import type { MqConfig, MqOptions } from './mq.config.js';
import { mqError, mqPlace, type MqPlace } from './mq.errors.js';
import type { MqProvider } from './mq.provider.js';
import { CallRunner } from './operations/call-runner.js';
import { isMqDriver, parseMqConfig, structuralChanges } from './parse-mq-config.js';
import { Producer } from './producing/producer.js';
import { TopicBook } from './producing/topic-book.js';
import { TopicNames } from './producing/topic-names.js';

export interface MqDeps extends ComponentDeps {
  /** Runs every handler: where rate limits find the intake that they pause. */
  readonly around?: AroundHandler | undefined;
  /** Whether a database transaction is running: to warn of the dual write. */
  readonly inTransaction?: (() => boolean) | undefined;
}

/**
 * Makes an mq. Configuration: what is passed, then KAFKA_BROKERS, then `defaultMqConfig(env)`. Rejects with a
 * `ConfigError` for a bad configuration, and within `connectTimeoutMs` when Kafka cannot be reached; it leaves nothing
 * open then. The maker closes it; a driver object that was passed in stays open.
 */
export function createMq(config: MqOptions = {}, deps: MqDeps = {}): Promise<MqProvider> {
  return buildComponent('mq', deps, (setting) => assemble(config, setting, deps));
}

async function assemble(options: MqOptions, setting: ComponentSetting, deps: MqDeps): Promise<MqProvider> {
  const { name, env, stack, clock, logger } = setting;
  const place = mqPlace(name);
  const parse = (input: unknown): MqConfig => parseMqConfig(input, { env, instance: name });
  const started = parse(options);
  let current = started;
  const settings = (): MqConfig => current;

  const driver = await openDriver(started, setting, place);
  const runner = new CallRunner(driver, place, settings);
  const names = new TopicNames(place, started.topicPrefix);
  const topics = new TopicBook(driver, runner, place, settings);
  const codec = codecOf(started.codec);
  const producer = new Producer({ place, driver, runner, names, topics, codec, clock, logger, settings });
  const engine: MqEngine = {
    place,
    driver,
    runner,
    names,
    topics,
    producer,
    codec,
    clock,
    logger,
    settings,
    around: deps.around,
    inTransaction: deps.inTransaction,
  };
  const subscriptions = new Subscriptions(engine);
  stack.push({ name: place.label, phase: 'connections', close: () => runner.close() });
  stack.push({
    name: `${place.label} buffer`,
    phase: 'flush',
    close: () => producer.flush(undefined),
    timeoutMs: started.producer.timeoutMs,
  });
  stack.push({
    name: `${place.label} subscriptions`,
    phase: 'drain',
    close: () => subscriptions.closeAll(),
    timeoutMs: started.consumer.drainMs + 10_000,
  });
  stack.push({
    name: `${place.label} intake`,
    phase: 'intake',
    close: () => {
      for (const subscription of subscriptions.all) subscription.pause();
    },
  });

  acceptReloads(setting, {
    options,
    parse,
    apply: (next) => {
      current = next;
      return structuralChanges(started, next);
    },
  });

  return new DefaultMqProvider(engine, subscriptions, async () => {
    reportClose(logger, await stack.close());
  });
}

async function openDriver(config: MqConfig, setting: ComponentSetting, place: MqPlace): Promise<MqDriver> {
  const given = isMqDriver(config.driver) ? config.driver : undefined;
  const driver = given ?? (await makeDriver(config, setting, place));
  if (given === undefined)
    setting.stack.push({
      name: `${place.label} ${driver.kind}`,
      phase: 'connections',
      close: () => driver.close(),
    });
  const limits = new CallRunner(driver, place, () => config);
  try {
    await limits.run('connect', { limitMs: config.connectTimeoutMs }, (call) => driver.connect(call));
  } catch (error) {
    const code = limits.codeOf(error);
    const remedy =
      code === 'PERMISSION_DENIED'
        ? 'correct sasl'
        : 'start Kafka, or correct the address (brokers, KAFKA_BROKERS)';
    throw mqError(place, code, `cannot start, ${whyNot(error, driver, config)}; ${remedy}`, { cause: error });
  }
  return driver;
}

/** What the client says, without a wrapper's own prefix; where the time ran out first, why nothing was reached until then. */
function whyNot(error: unknown, driver: MqDriver, { connectTimeoutMs }: MqConfig): string {
  const cause = isInfraError(error) && error.cause !== undefined ? error.cause : error;
  if (!isInfraError(cause) || cause.code !== 'DEADLINE_EXCEEDED') return messageOf(cause);
  const trouble = driver.trouble();
  return trouble === undefined
    ? `no answer within connectTimeoutMs (${connectTimeoutMs} ms)`
    : messageOf(trouble);
}

async function makeDriver(config: MqConfig, setting: ComponentSetting, place: MqPlace): Promise<MqDriver> {
  if (config.driver !== 'kafka') {
    const { maxRecordsPerPartition } = config;
    return new MemoryMqDriver(new MemoryBroker({ clock: setting.clock, maxRecordsPerPartition }));
  }
  const options = kafkaOptions(config, setting);
  if (config.client === 'platformatic') {
    const load = (): Promise<typeof import('./drivers/platformatic/index.js')> =>
      import('./drivers/platformatic/index.js');
    return (await loaded(place, '@platformatic/kafka', load)).platformaticDriver(options);
  }
  const load = (): Promise<typeof import('./drivers/kafkajs/index.js')> =>
    import('./drivers/kafkajs/index.js');
  return (await loaded(place, 'kafkajs', load)).kafkajsDriver(options);
}

function kafkaOptions(config: MqConfig, { service, logger, clock }: ComponentSetting): KafkaOptions {
  const {
    brokers = [],
    clientId = service,
    sasl,
    tls,
    producer,
    connectTimeoutMs,
    requestTimeoutMs,
  } = config;
  return { brokers, clientId, sasl, tls, connectTimeoutMs, requestTimeoutMs, producer, logger, clock };
}

/** The module of a driver; its client is an optional package. */
async function loaded<T>(place: MqPlace, client: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw mqError(
      place,
      'FAILED_PRECONDITION',
      `client '${client.split('/')[0]?.replace('@', '')}' needs the package ${client}; install it: npm i ${client}`,
      { cause: error },
    );
  }
}
