import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { launchRedis, type RunningServer } from '@infra-kit/testkit';
import { startDemo, type RunningDemo } from './running-demo.js';

let redis: RunningServer;
let demo: RunningDemo;
beforeAll(async () => {
  redis = await launchRedis();
  demo = await startDemo({ REDIS_URL: redis.url });
}, 120_000);
afterAll(async () => {
  await redis.resume().catch(() => undefined);
  await demo.stop();
  await redis.stop();
});

const reserve = (): Promise<Response> =>
  fetch(`${demo.url}/reservations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ productId: 'p-100', quantity: 1 }),
  });

it.each(['paused', 'killed'] as const)(
  'with Redis %s products are served from their source, writes fail inside their deadline, and all recovers',
  async (fault) => {
    expect((await reserve()).status).toBe(201);
    await (fault === 'paused' ? redis.pause() : redis.kill());
    expect((await fetch(`${demo.url}/products/p-100`)).status).toBe(200);
    const refused = await reserve();
    expect([503, 504]).toContain(refused.status);
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    await (fault === 'paused' ? redis.resume() : redis.restart());
    await eventually(async () => expect((await reserve()).status).toBe(201), { withinMs: 15_000 });
  },
);
