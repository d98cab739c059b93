import { Injectable } from '@nestjs/common';
import { DbProvider, InfraError, OnceProvider, OutboxProvider } from 'infra-kit';
import { ORDERS_PLACED, type OrderPlaced } from '../events/order-placed.js';
import { ProductsService } from '../products/products.service.js';
import { SaleEntity, type Sale } from './sale.entity.js';

/** A sale whose order is missing for this long has lost the instance that made it. */
const FILED_AFTER_S = 5;
const PAGE = 100;
const NEWEST = 10_000;

/** The ledger beside the shelf. Who is in it has the goods; nobody else has. */
@Injectable()
export class SalesService {
  constructor(
    private readonly db: DbProvider,
    private readonly products: ProductsService,
    private readonly outbox: OutboxProvider,
    private readonly idempotency: OnceProvider,
  ) {}

  /**
   * Takes the goods, once a key of the request that runs: the key is kept in the very transaction of the sale, so a
   * retry gets the sale that was made, whoever died in between. What follows a sale can be repeated, and stays outside:
   * no shelf is locked while a payment is waited for.
   */
  async once(sale: Sale): Promise<Sale> {
    const call = this.idempotency.current();
    if (call === undefined) {
      await this.take(sale);
      return sale;
    }
    const { buyer, productId, quantity } = sale;
    const made = await this.idempotency.execute(
      call.key,
      async () => {
        await this.take(sale);
        return sale;
      },
      { store: 'db', scope: `sale ${buyer}`, fingerprint: { productId, quantity } },
    );
    return made.value;
  }

  /** Takes the goods, notes for whom, and says so to others: all or nothing. The condition is the database's: stock never goes below 0. */
  async take(sale: Sale): Promise<void> {
    await this.db.transaction(async (em) => {
      const [left] = await this.db.sql<{ stock: number; title: string; titleZh: string }>`
        update products set stock = stock - ${sale.quantity}
        where id = ${sale.productId} and stock >= ${sale.quantity} returning stock, title, title_zh as "titleZh"`;
      if (left === undefined)
        throw new InfraError(
          'FAILED_PRECONDITION',
          `${sale.productId} is sold out, or has fewer than that left`,
        );
      const soldAt = new Date();
      em.create(SaleEntity, { ...sale, soldAt });
      const { title, titleZh } = left;
      const event: OrderPlaced = { ...sale, title, titleZh, soldAt: soldAt.toISOString() };
      await this.outbox.publish(ORDERS_PLACED, { key: sale.orderId, value: event });
      // the window shows stock as old as the cache's ttl; that the last one is gone it shows at once
      if (left.stock === 0) this.db.afterCommit(() => this.products.changed(sale.productId));
    });
  }

  /** The order is where it belongs. */
  async filed({ orderId }: Sale): Promise<void> {
    await this.db.sql`update sales set filed = true where order_id = ${orderId}`;
  }

  /** What was sold, the newest first, as its events said. */
  async placed(): Promise<OrderPlaced[]> {
    const rows = await this.db.sql<Pick<OrderPlaced, keyof OrderPlaced>>`
      select order_id as "orderId", number, buyer, product_id as "productId", title, title_zh as "titleZh", quantity,
        cents, sold_at as "soldAt"
      from sales join products on products.id = sales.product_id order by sold_at desc limit ${NEWEST}`;
    return rows.map((row) => ({ ...row, soldAt: new Date(row.soldAt).toISOString() }));
  }

  /** Sales without an order, the oldest first: the instance that made them died, or the shard was away. */
  unfiled(): Promise<Sale[]> {
    return this.db.sql<Sale>`
      select order_id as "orderId", number, buyer, product_id as "productId", quantity, cents from sales
      where not filed and sold_at < now() - make_interval(secs => ${FILED_AFTER_S})
      order by sold_at limit ${PAGE}`;
  }
}
