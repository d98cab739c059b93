import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { startDemo, type RunningDemo } from './running-demo.js';

type Mode = 'ok' | 'slow' | 'fail' | 'hang';

describe.each(['express', 'fastify'])('payments behind a circuit breaker, on %s', (adapter) => {
  let demo: RunningDemo;
  let reservation = '';
  beforeAll(async () => {
    demo = await startDemo({ HTTP_ADAPTER: adapter });
    const made = await fetch(`${demo.url}/reservations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ productId: 'p-101', quantity: 2 }),
    });
    reservation = ((await made.json()) as { id: string }).id;
  }, 120_000);
  afterAll(() => demo.stop());

  const gateway = async (mode: Mode): Promise<void> => {
    const body = JSON.stringify({ mode, latencyMs: 60_000 });
    expect((await fetch(`${demo.gatewayUrl}/mode`, { method: 'PUT', body })).status).toBe(200);
  };
  const payment = (method: 'GET' | 'POST'): Promise<Response> =>
    fetch(`${demo.url}/reservations/${reservation}/payment`, { method });
  const pay = async (): Promise<unknown> => (await payment('POST')).json();
  const lines = (to: string): number =>
    demo.lines().filter((line) => line['breaker'] === 'payment-gateway' && line['to'] === to).length;

  beforeEach(async () => {
    await gateway('ok');
    await eventually(async () => expect(await pay()).toMatchObject({ status: 'PAID' }), { withinMs: 60_000 });
  }, 60_000);

  it('are paid once, and found again', async () => {
    expect(await pay()).toEqual({ id: reservation, status: 'PAID', cents: 17_800 });
    expect(await (await payment('GET')).json()).toMatchObject({ id: reservation, status: 'PAID' });
  });

  it.each<Mode>(['fail', 'slow', 'hang'])(
    'stay pending while the gateway is in mode %s, are answered without it once the breaker is open, and recover',
    async (mode) => {
      const [opened, closed] = [lines('open'), lines('closed')];
      await gateway(mode);
      await eventually(
        async () => {
          expect(await pay()).toEqual({ id: reservation, status: 'PENDING_PAYMENT', cents: 17_800 });
          const refused = await payment('GET');
          expect(refused.status).toBe(503);
          expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
          expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
          expect(await refused.json()).toMatchObject({
            code: 'UNAVAILABLE',
            detail: expect.stringContaining("'payment-gateway' is"),
          });
        },
        { withinMs: 30_000 },
      );
      await eventually(() => expect(lines('open')).toBeGreaterThan(opened));
      await gateway('ok');
      await eventually(
        async () => {
          expect((await payment('GET')).status).toBe(200);
          expect(lines('closed')).toBeGreaterThan(closed);
        },
        { withinMs: 60_000 },
      );
    },
    120_000,
  );

  it('keep orders coming while the gateway is down: they wait for their payment', async () => {
    const order = async (): Promise<unknown> => {
      const made = await fetch(`${demo.url}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-user-id': `buyer-${adapter}` },
        body: JSON.stringify({ productId: 'p-102', quantity: 1 }),
      });
      expect(made.status).toBe(201);
      return made.json();
    };
    expect(await order()).toMatchObject({ status: 'PAID' });
    await gateway('fail');
    expect(await order()).toMatchObject({ status: 'PENDING_PAYMENT' });
  });

  it('are no reason for an alarm when the client asks for what is not there', async () => {
    const before = lines('open');
    for (let times = 0; times < 20; times++)
      expect(
        (await fetch(`${demo.url}/reservations/00000000-0000-7000-8000-000000000000/payment`)).status,
      ).toBe(404);
    expect(lines('open')).toBe(before);
  });
});

it('the gateway beside the service ends with it', async () => {
  const demo = await startDemo();
  await demo.stop();
  await eventually(() => expect(fetch(demo.gatewayUrl)).rejects.toThrow('fetch failed'));
});
