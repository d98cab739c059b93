import { Injectable } from '@nestjs/common';
import { DbProvider, Subscribe, type IncomingMessage } from 'infra-kit';
import { EVERY_EVENT, ORDERS_PLACED, OrderPlaced } from '../events/order-placed.js';
import { SalesFigureEntity, type SalesFigure } from './sales-figure.entity.js';

@Injectable()
export class SalesFiguresService {
  constructor(private readonly db: DbProvider) {}

  @Subscribe(ORDERS_PLACED, { ...EVERY_EVENT, schema: OrderPlaced, group: 'sales-figures' })
  async add({ value: { productId, quantity, cents } }: IncomingMessage<OrderPlaced>): Promise<void> {
    await this.db.sql`
      insert into sales_figures as known (product_id, orders, quantity, cents)
      values (${productId}, 1, ${quantity}, ${cents})
      on conflict (product_id) do update set orders = known.orders + 1,
        quantity = known.quantity + excluded.quantity, cents = known.cents + excluded.cents`;
  }

  all(): Promise<SalesFigure[]> {
    return this.db.em().findAll(SalesFigureEntity, { orderBy: { productId: 'asc' } });
  }
}
