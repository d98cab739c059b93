import { expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import { describeDemo } from './demo-behaviour.js';
import { startDemo } from './running-demo.js';

describeDemo('the demo, embedded on Express', () => ({}));
describeDemo('the demo, embedded on Fastify', () => ({ HTTP_ADAPTER: 'fastify' }));

it('a busy port tries the next one and says so', async () => {
  const busy = createServer().listen(0);
  const { port } = busy.address() as { port: number };
  const demo = await startDemo({ PORT: String(port) });
  try {
    expect(demo.output()).toContain(`(port ${port} is busy)`);
  } finally {
    await demo.stop();
    busy.close();
  }
}, 120_000);

it('a bad PORT or REDIS_URL stops the start with one sentence that names it', async () => {
  await expect(startDemo({ PORT: 'http' })).rejects.toThrow(/PORT must be a whole number/);
  await expect(startDemo({ REDIS_URL: 'localhost' })).rejects.toThrow(/REDIS_URL/);
});

it('ends with 0 on SIGTERM', async () => {
  expect(await (await startDemo()).stop()).toBe(0);
}, 120_000);
