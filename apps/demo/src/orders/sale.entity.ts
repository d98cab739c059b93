import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** That goods were taken off the shelf, and for which order: written in the transaction that takes them. */
export const SaleEntity = defineEntity({
  name: 'Sale',
  tableName: 'sales',
  properties: {
    orderId: p.uuid().primary(),
    number: p.string(),
    buyer: p.string(),
    productId: p.string(),
    quantity: p.integer(),
    cents: p.integer(),
    soldAt: p
      .datetime()
      .defaultRaw('now()')
      .onCreate(() => new Date()),
    /** The order is in its buyer's shard. */
    filed: p.boolean().default(false).index(),
  },
});
export type Sale = Omit<InferEntity<typeof SaleEntity>, 'soldAt' | 'filed'>;
