import { Injectable } from '@nestjs/common';
import { DbProvider } from 'infra-kit';
import { OrderEntity, type OrderRow } from './order.entity.js';
import type { Order } from './order.js';

/** Orders, each in the shard of its buyer. */
@Injectable()
export class OrderBook {
  constructor(private readonly db: DbProvider) {}

  /** Safe to repeat: one order an id, and PAID is never taken back. */
  async write({ id, number, buyer, productId, quantity, status }: Order): Promise<void> {
    await this.db.shards.of(buyer).sql`
      insert into orders (id, number, user_id, product_id, quantity, status)
      values (${id}, ${number}, ${buyer}, ${productId}, ${quantity}, ${status})
      on conflict (id) do update set status = excluded.status where orders.status <> 'PAID'`;
  }

  /** One shard is asked when the buyer is known, else every shard. */
  async find(id: string, buyer: string | undefined): Promise<Order | undefined> {
    const rows =
      buyer === undefined
        ? (await this.db.shards.all((em) => em.find(OrderEntity, { id }))).flat()
        : await this.db.shards.of(buyer).transaction((em) => em.find(OrderEntity, { id, userId: buyer }));
    return rows.map((row) => orderOf(row))[0];
  }
}

const orderOf = ({ id, number, userId, productId, quantity, status }: OrderRow): Order => ({
  id,
  number,
  buyer: userId,
  productId,
  quantity,
  status,
});
