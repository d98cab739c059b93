import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ReloadRegistry, SystemClock } from '@infra-kit/kernel';
import { createMq, defaultMqConfig, parseMqConfig, type MqConfig } from '@infra-kit/mq';
import { SilentLogger } from './fixtures/silent-logger.js';

const before = process.env['KAFKA_BROKERS'];
beforeEach(() => {
  delete process.env['KAFKA_BROKERS'];
});
afterEach(() => {
  if (before !== undefined) process.env['KAFKA_BROKERS'] = before;
});

const parse = (options: object, env = 'development'): MqConfig =>
  parseMqConfig(options, { env, instance: 'default' });

function problemsOf(options: object, env?: string): string {
  try {
    parse(options, env);
  } catch (error) {
    return String(error);
  }
  throw new Error('it was accepted');
}

describe('the configuration of an mq', () => {
  it('is memory in development and test, Kafka in production', () => {
    expect([defaultMqConfig('development').driver, defaultMqConfig('test').driver]).toEqual([
      'memory',
      'memory',
    ]);
    expect(defaultMqConfig('production').driver).toBe('kafka');
    expect(parse({}).driver).toBe('memory');
    expect(problemsOf({}, 'production')).toMatch(
      /brokers: Kafka needs an address; pass brokers, set KAFKA_BROKERS/,
    );
  });

  it('has the defaults of its page', () => {
    const { producer, retry, codec, deadLetter, topicPrefix, client } = parse({});
    expect(producer).toMatchObject({
      acks: 'all',
      idempotent: true,
      lingerMs: 5,
      compression: 'none',
      maxBufferedBytes: 32 * 1024 * 1024,
      timeoutMs: 30_000,
    });
    expect(retry).toMatchObject({ attempts: 3, mode: 'in-place' });
    expect({ codec, deadLetter, topicPrefix, client }).toEqual({
      codec: 'json',
      deadLetter: true,
      topicPrefix: '',
      client: 'kafkajs',
    });
  });

  it('makes topics outside production alone, unless told', () => {
    const createTopics = (env: string, options: object = {}): unknown =>
      parse({ brokers: 'a:1', ...options }, env).createTopics;
    expect([
      createTopics('development'),
      createTopics('test'),
      createTopics('production'),
      createTopics('staging'),
    ]).toEqual([true, true, false, false]);
    expect(createTopics('production', { createTopics: true })).toBe(true);
  });

  it('takes brokers from the code, else from KAFKA_BROKERS; an address chooses Kafka', () => {
    expect(parse({ brokers: 'a:1, b:2' })).toMatchObject({ driver: 'kafka', brokers: ['a:1', 'b:2'] });
    process.env['KAFKA_BROKERS'] = 'c:3,d:4';
    expect(parse({})).toMatchObject({ driver: 'kafka', brokers: ['c:3', 'd:4'] });
    expect(parse({ driver: 'memory' }).driver).toBe('memory');
  });

  it('is idempotent where acks allow it, and says when they do not', () => {
    expect(parse({ producer: { acks: 'leader' } }).producer).toMatchObject({
      acks: 'leader',
      idempotent: false,
    });
    expect(problemsOf({ producer: { acks: 'none', idempotent: true } })).toMatch(
      /idempotent: it needs acks: 'all'/,
    );
  });

  it('names all that is wrong at once, and no secret', () => {
    const problems = problemsOf({
      driver: 'rabbit',
      client: 'librdkafka',
      brokers: ['http://a', 'b:1'],
      sasl: { mechanism: 'magic', username: '', password: 'hunter2' },
      tls: { cert: 'x' },
      topicPrefix: 'a b',
      consumer: { heartbeatIntervalMs: 5000, sessionTimeoutMs: 4000 },
      retry: { attempts: 0, jitter: 2 },
      colour: 'red',
    });
    for (const field of [
      'driver',
      'client',
      'brokers',
      'sasl.mechanism',
      'sasl.username',
      'tls.key',
      'topicPrefix',
      'consumer.heartbeatIntervalMs',
      'retry.attempts',
      'retry.jitter',
      'colour',
    ])
      expect(problems).toContain(field);
    expect(problems).not.toContain('hunter2');
  });

  it('wants a port that exists, and a password with a user', () => {
    expect(parse({ brokers: ['a:1', 'b:65535'] }).brokers).toEqual(['a:1', 'b:65535']);
    for (const port of ['0', '65536', '99999'])
      expect(problemsOf({ brokers: [`a:${port}`] })).toMatch(
        /brokers are written host:port, the port 1 to 65535/,
      );
    expect(problemsOf({ sasl: { mechanism: 'plain', username: 'u' } })).toContain('sasl.password');
  });

  it('takes durations as text', () => {
    expect(parse({ producer: { timeoutMs: '10s' } }).producer.timeoutMs).toBe(10_000);
  });

  it('is followed while it runs: hot fields apply, others wait for a restart, a bad document is refused', async () => {
    const logger = new SilentLogger();
    const reload = new ReloadRegistry({ logger, clock: new SystemClock() });
    const mq = await createMq({ driver: 'memory' }, { reload, logger, env: 'test' });
    const offer = (revision: bigint, value: unknown): ReturnType<typeof reload.offer> =>
      reload.offer('mq', 'default', { revision, value });
    expect(await offer(1n, { producer: { maxBufferedBytes: 1024 } })).toMatchObject({
      status: 'applied',
      restartRequired: [],
    });
    expect(() => mq.sendAsync('t', { value: 'x'.repeat(2000) })).toThrow(/maxBufferedBytes \(1024\)/);
    expect(await offer(2n, { topicPrefix: 'x.', consumer: { drainMs: 5, maxWaitMs: 7 } })).toMatchObject({
      status: 'applied',
      restartRequired: expect.arrayContaining(['topicPrefix', 'consumer.maxWaitMs']),
    });
    expect(await offer(3n, { codec: 'xml' })).toMatchObject({ status: 'refused' });
    await mq.close();
  });
});
