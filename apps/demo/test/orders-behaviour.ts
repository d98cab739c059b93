import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { find, order, search, stockOf, type FoundOrder, type MadeOrder } from './buyers.js';
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

    it('finds orders by what was bought, in English and Chinese: the buyer their own, the shop all', async () => {
      const body = { productId: 'p-104', quantity: 1 };
      const mine = (await (await order(demo, 'lin', body)).json()) as MadeOrder & { number: string };
      await order(demo, 'max', body);
      const found = async (text: string, buyer?: string): Promise<string[]> =>
        (await search<FoundOrder>(demo, 'orders', text, buyer)).map(({ buyer: whose }) => whose).toSorted();
      await eventually(async () => expect(await found('pan')).toEqual(['lin', 'max']));
      for (const text of ['cast iron', '铸铁', 'PAN 铁锅', mine.number, ''])
        expect(await found(text, 'lin')).toEqual(['lin']);
      expect(await found('铁锅')).toEqual(['lin', 'max']);
      expect(await found('kettle', 'lin')).toEqual([]);
      expect(await found('title:* OR "', 'lin')).toEqual([]);
    });

    it('finds products in English and Chinese', async () => {
      const found = async (text: string): Promise<string[]> =>
        (await search<{ id: string }>(demo, 'products', text)).map(({ id }) => id);
      expect(await found('running')).toEqual(['p-103']);
      expect(await found('键盘')).toEqual(['p-101']);
      expect(await found('')).toHaveLength(5);
    });

    it('counts each order once in the sales figures', async () => {
      const figure = async (): Promise<object | undefined> =>
        ((await (await fetch(`${demo.figuresUrl}`)).json()) as { productId: string }[]).find(
          ({ productId }) => productId === 'p-104',
        );
      await eventually(async () =>
        expect(await figure()).toEqual({ productId: 'p-104', orders: 2, quantity: 2, cents: 10_800 }),
      );
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
