import { expect, it } from '@jest/globals';
import { sharedRedis } from '@infra-kit/testkit';
import { describeDemo } from './demo-behaviour.js';
import { startDemo } from './running-demo.js';

describeDemo('the demo on Redis', () => ({ REDIS_URL: sharedRedis().url }));

it('two instances on one Redis see each other’s reservations', async () => {
  const [one, two] = await Promise.all([
    startDemo({ REDIS_URL: sharedRedis().url }),
    startDemo({ REDIS_URL: sharedRedis().url }),
  ]);
  try {
    const made = await fetch(`${one.url}/reservations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ productId: 'p-102', quantity: 1 }),
    });
    const { id } = (await made.json()) as { id: string };
    expect((await fetch(`${two.url}/reservations/${id}`)).status).toBe(200);
  } finally {
    await Promise.all([one.stop(), two.stop()]);
  }
});
