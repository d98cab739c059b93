import { setTimeout as sleep } from 'node:timers/promises';
import type { NewOrder, Order } from '../orders/order.js';
import { randomFrom } from './random.js';
import type { Outcome, Purchase, ShopClient } from './shop-client.js';

export interface SaleDay {
  readonly seed: number;
  readonly buyers: number;
  /** What they are after, the first most of all; others may sell other things meanwhile. */
  readonly articles: readonly string[];
}

/** All that was seen of the shop from outside. */
export interface Observations {
  /** What was on the shelves before and after. */
  readonly before: ReadonlyMap<string, number>;
  readonly after: ReadonlyMap<string, number>;
  /** The answers that each key got. */
  readonly outcomes: ReadonlyMap<string, readonly Outcome[]>;
  readonly refusals: number;
  /** Orders that could be read, and ids that the search found. */
  readonly read: readonly Order[];
  readonly found: ReadonlySet<string>;
}

/** Of the first, and of the others. */
const STOCK = [60, 300] as const;
const SPREAD_MS = 2000;
const BURST = 12;
/** Events are on their way for a moment; servers that were away take longer. */
const SEARCH_MS = 180_000;

/** Buyers with duplicates, retries and bursts, most of them after the same article, of which there are too few. */
export async function runSaleDay(
  shop: ShopClient,
  { seed, buyers, articles }: SaleDay,
): Promise<Observations> {
  const random = randomFrom(seed);
  const [hot = '', ...others] = articles;
  await shop.restock(hot, STOCK[0]);
  for (const id of others) await shop.restock(id, STOCK[1]);
  const before = await shop.shelves(articles);
  process.stdout.write('the sale begins\n\n');
  const run = Date.now().toString(36);

  const body = (): NewOrder => ({
    productId: random() < 0.6 ? hot : (articles[Math.floor(random() * articles.length)] ?? hot),
    quantity: 1 + Math.floor(random() * 3),
  });
  const purchases = Array.from({ length: buyers }, (_, index) => {
    const buyer = `t${seed}-${run}-${index}`;
    // every fifth clicks as fast as can be; the others order twice, and send each order again
    const patient = index % 5 !== 0;
    return Array.from({ length: patient ? 2 : BURST }, (__, at) => {
      const purchase: Purchase = { buyer, key: `${buyer}-${at}`, body: body(), patient };
      return { purchase, times: patient ? 2 : 1, afterMs: random() * SPREAD_MS, apartMs: random() * 400 };
    });
  }).flat();

  const outcomes = new Map<string, readonly Outcome[]>();
  await Promise.all(
    purchases.map(async ({ purchase, times, afterMs, apartMs }) => {
      await sleep(purchase.patient ? afterMs : 0);
      const send = async (at: number): Promise<Outcome> => {
        await sleep(at * apartMs);
        return shop.buy(purchase);
      };
      outcomes.set(purchase.key, await Promise.all(Array.from({ length: times }, (_, at) => send(at))));
    }),
  );

  const orders = ordersOf(outcomes);
  const read = await Promise.all(orders.map(({ id, buyer }) => shop.order(id, buyer)));
  return {
    before,
    after: await shop.shelves(articles),
    outcomes,
    refusals: shop.refusals,
    read,
    found: await search(shop, orders),
  };
}

/** Every order once. */
export function ordersOf(outcomes: Observations['outcomes']): readonly Order[] {
  const ordered = [...outcomes.values()].flat().filter((outcome) => outcome.kind === 'ordered');
  return [...new Map(ordered.map(({ order }) => [order.id, order])).values()];
}

async function search(shop: ShopClient, orders: readonly Order[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const end = Date.now() + SEARCH_MS; Date.now() < end; await sleep(300)) {
    const missing = orders.filter(({ id }) => !found.has(id));
    if (missing.length === 0) break;
    for (const buyer of new Set(missing.map((order) => order.buyer)))
      for (const id of await shop.found(buyer)) found.add(id);
  }
  return found;
}
