import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createMq } from '@infra-kit/mq';
import { SilentLogger } from './fixtures/silent-logger.js';

const LIMIT_MS = 1000;
/** The clients' own repeats take some 5 s. */
const GENEROUS_MS = 3500;

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

/** Takes connections and says nothing. */
async function silentServer(): Promise<string> {
  const server = createServer((socket) => closers.push(() => socket.destroy()));
  closers.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(['kafkajs', 'platformatic'] as const)('a start with %s', (client) => {
  const start = (broker: string): Promise<unknown> =>
    createMq(
      { driver: 'kafka', client, brokers: [broker], connectTimeoutMs: LIMIT_MS },
      { env: 'test', logger: new SilentLogger() },
    ).catch((error: unknown) => error);

  it('where nobody listens fails in its time, and says why', async () => {
    await start('127.0.0.1:1'); // the client's package is loaded
    const begun = performance.now();
    const error = await start('127.0.0.1:1');
    expect(performance.now() - begun).toBeLessThan(LIMIT_MS + GENEROUS_MS);
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/cannot start, .*127.0.0.1:1.*correct the address/),
    });
  }, 30_000);

  it('where nobody answers names the limit that passed', async () => {
    const broker = await silentServer();
    const begun = performance.now();
    const error = await start(broker);
    expect(performance.now() - begun).toBeLessThan(LIMIT_MS + GENEROUS_MS);
    expect(error).toMatchObject({
      code: expect.stringMatching(/^(DEADLINE_EXCEEDED|UNAVAILABLE)$/),
      message: expect.stringMatching(/cannot start, /),
    });
    expect(error).toMatchObject({ message: expect.not.stringContaining('raise timeoutMs') });
  }, 30_000);
});
