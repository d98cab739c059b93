import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { find, order, stockOf, type MadeOrder } from './buyers.js';
import { startDemo, type RunningDemo } from './running-demo.js';

/** What is sold and filed, whatever PostgreSQL it is in. `settings` names a database that no one else has. */
export function describeOrders(title: string, settings: () => Record<string, string>): void {
  describe(title, () => {
    let demo: RunningDemo;
    beforeAll(async () => {
      demo = await startDemo(settings());
    }, 120_000);
    afterAll(() => demo.stop());

    it('sells what there is and nothing more, to many buyers at once', async () => {
      const body = { productId: 'p-102', quantity: 3 };
      const buyers = Array.from({ length: 30 }, (_, index) => `rush-${index}`);
      const answers = await Promise.all(buyers.map((buyer) => order(demo, buyer, body)));
      const sold = answers.filter(({ status }) => status === 201);
      const refused = answers.filter(({ status }) => status !== 201);
      expect(sold).toHaveLength(13); // of 40, in threes
      for (const answer of refused) {
        expect(answer.status).toBe(409);
        expect(await answer.json()).toMatchObject({
          code: 'FAILED_PRECONDITION',
          detail: expect.stringContaining('sold out'),
        });
      }
      // each order is in its buyer's shard, the last one takes the last article, and then the window says so
      const made = await Promise.all(sold.map(async (answer) => (await answer.json()) as MadeOrder));
      for (const { id, buyer } of made) expect((await find(demo, id, buyer)).status).toBe(200);
      expect((await order(demo, 'last', { productId: 'p-102', quantity: 1 })).status).toBe(201);
      expect(await stockOf(demo, 'p-102')).toBe(0);
      expect((await order(demo, 'too-late', { productId: 'p-102', quantity: 1 })).status).toBe(409);
    });

    it('finds an order for its buyer and for the shop, and for nobody else', async () => {
      const made = (await (
        await order(demo, 'ada', { productId: 'p-101', quantity: 2 })
      ).json()) as MadeOrder;
      expect(await (await find(demo, made.id, 'ada')).json()).toEqual(made);
      expect(await (await find(demo, made.id)).json()).toEqual(made);
      expect((await find(demo, made.id, 'bob')).status).toBe(404);
      expect(
        (
          await find(
            demo,
            made.id.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
          )
        ).status,
      ).toBe(404);
    });

    it('makes one order a key, and replays it; another body is 422, another buyer has keys of their own', async () => {
      const body = { productId: 'p-103', quantity: 2 };
      const first = await order(demo, 'ivy', body, 'key-1');
      const again = await order(demo, 'ivy', body, '"key-1"');
      expect([again.status, await again.text()]).toEqual([201, await first.text()]);
      expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
      expect((await order(demo, 'ivy', { ...body, quantity: 1 }, 'key-1')).status).toBe(422);
      expect((await order(demo, 'ivy', body, 'not a key')).status).toBe(400);
      const other = await order(demo, 'jim', body, 'key-1');
      expect([other.status, other.headers.get('idempotent-replayed')]).toEqual([201, null]);
    });

    it('takes nothing off the shelf for a product that is not there, or a body that is wrong', async () => {
      expect((await order(demo, 'eve', { productId: 'p-999', quantity: 1 })).status).toBe(404);
      expect((await order(demo, 'eve', { productId: 'p-100', quantity: 9 })).status).toBe(400);
      expect(await stockOf(demo, 'p-100')).toBe(200);
    });

    it('is ready only with its database, and says which it is', async () => {
      const page = (await (await fetch(`${demo.url}/health/ready`)).json()) as object;
      expect(page).toMatchObject({ details: { db: { status: 'up' } } });
    });
  });
}
