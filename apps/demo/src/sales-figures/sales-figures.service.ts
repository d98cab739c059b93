import { Injectable } from '@nestjs/common';
import { DbProvider, InboxHandler, type IncomingMessage } from 'infra-kit';
import { EVERY_EVENT, groupOf, ORDERS_PLACED, OrderPlaced } from '../events/order-placed.js';
import type { SalesFigure } from './sales-figure.entity.js';

@Injectable()
export class SalesFiguresService {
  constructor(private readonly db: DbProvider) {}

  /** In one transaction with the note that the event was handled: an event that comes twice counts once. */
  @InboxHandler(ORDERS_PLACED, { ...EVERY_EVENT, schema: OrderPlaced, group: groupOf('figures') })
  async add({ value: { productId, quantity, cents } }: IncomingMessage<OrderPlaced>): Promise<void> {
    await this.db.sql`
      insert into sales_figures as known (product_id, orders, quantity, cents)
      values (${productId}, 1, ${quantity}, ${cents})
      on conflict (product_id) do update set orders = known.orders + 1,
        quantity = known.quantity + excluded.quantity, cents = known.cents + excluded.cents`;
  }

  all(): Promise<SalesFigure[]> {
    return this.db.sql<SalesFigure>`
      select product_id as "productId", orders, quantity, cents::float8 as cents from sales_figures order by 1`;
  }
}
