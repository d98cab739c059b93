import { Injectable } from '@nestjs/common';
import { CacheProvider, DbProvider, InfraError } from 'infra-kit';
import { SaleEntity, type Sale } from './sale.entity.js';

/** A sale whose order is missing for this long has lost the instance that made it. */
const FILED_AFTER_S = 5;
const PAGE = 100;

/** The ledger beside the shelf. Who is in it has the goods; nobody else has. */
@Injectable()
export class SalesService {
  constructor(
    private readonly db: DbProvider,
    private readonly cache: CacheProvider,
  ) {}

  /** Takes the goods and notes for whom, both or neither. The condition is the database's: stock never goes below 0. */
  async take(sale: Sale): Promise<void> {
    await this.db.transaction(async (em) => {
      const [left] = await this.db.sql<{ stock: number }>`
        update products set stock = stock - ${sale.quantity}
        where id = ${sale.productId} and stock >= ${sale.quantity} returning stock`;
      if (left === undefined)
        throw new InfraError(
          'FAILED_PRECONDITION',
          `${sale.productId} is sold out, or has fewer than that left`,
        );
      em.create(SaleEntity, sale);
      // the window shows stock as old as the cache's ttl; that the last one is gone it shows at once
      if (left.stock === 0)
        this.db.afterCommit(() => this.cache.delete([`products:${sale.productId}`, 'products:all']).then());
    });
  }

  /** The order is where it belongs. */
  async filed({ orderId }: Sale): Promise<void> {
    await this.db.em().nativeUpdate(SaleEntity, { orderId }, { filed: true });
  }

  /** Sales without an order, the oldest first: the instance that made them died, or the shard was away. */
  unfiled(): Promise<Sale[]> {
    return this.db.sql<Sale>`
      select order_id as "orderId", number, buyer, product_id as "productId", quantity, cents from sales
      where not filed and sold_at < now() - make_interval(secs => ${FILED_AFTER_S})
      order by sold_at limit ${PAGE}`;
  }
}
