import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { createMq, type MqOptions, type MqProvider } from '@infra-kit/mq';
import { launchSecureKafka, uniqueName, type SecureKafka } from '@infra-kit/testkit';
import { SilentLogger } from './fixtures/silent-logger.js';

const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
type Mechanism = (typeof MECHANISMS)[number];

describe('a Kafka that wants TLS and a password', () => {
  let kafka: SecureKafka;
  beforeAll(async () => {
    kafka = await launchSecureKafka();
  }, 120_000);
  afterAll(() => kafka.server.stop());

  describe.each(['kafkajs', 'platformatic'] as const)('%s', (client) => {
    const open = (mechanism: Mechanism, other: MqOptions = {}): Promise<MqProvider> => {
      const { broker, username, password, ca } = kafka;
      const sasl = { mechanism, username, password };
      return createMq(
        { driver: 'kafka', client, brokers: [broker], sasl, tls: { ca }, connectTimeoutMs: 10_000, ...other },
        { env: 'test', logger: new SilentLogger() },
      );
    };

    async function refused(mechanism: Mechanism, other: MqOptions): Promise<unknown> {
      const mq = await open(mechanism, { connectTimeoutMs: 3000, ...other }).catch((error: unknown) => error);
      expect(mq).toBeInstanceOf(Error);
      return mq;
    }

    it.each(MECHANISMS)('sends, administers and consumes: %s', async (mechanism) => {
      const mq = await open(mechanism);
      const topic = uniqueName('secure');
      const seen: unknown[] = [];
      const group = uniqueName('group');
      await mq.subscribe(topic, async ({ value }) => void seen.push(value), { group });
      await mq.send(topic, { value: 'for you alone' });
      await eventually(() => expect(seen).toEqual(['for you alone']), { withinMs: 20_000 });
      await mq.close();
    });

    it.each(MECHANISMS)(
      'says what is wrong with a wrong password, and does not say it: %s',
      async (mechanism) => {
        const password = 'no-good-secret';
        const sasl = { mechanism, username: kafka.username, password };
        const error = await refused(mechanism, { sasl, connectTimeoutMs: 10_000 });
        expect(error).toMatchObject({
          code: 'PERMISSION_DENIED',
          message: expect.stringMatching(/authenticat.*sasl/i),
        });
        expect(inspect(error, { depth: 12, showHidden: true })).not.toContain(password);
      },
    );

    it('trusts no certificate that it was not told to', async () => {
      const error = await refused('plain', { tls: true });
      expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringMatching(/self-signed/i) });
    });

    it('takes any when it was told not to look', async () => {
      const mq = await open('plain', { tls: { rejectUnauthorized: false } });
      expect((await mq.health()).status).toBe('up');
      await mq.close();
    });

    it('does not get in without a password', async () => {
      await refused('plain', { sasl: undefined });
    });

    it('says that nobody answers when it speaks without TLS, and does not blame the password', async () => {
      const error = await refused('plain', { tls: false });
      expect(error).not.toMatchObject({ code: 'PERMISSION_DENIED' });
    });
  });
});
