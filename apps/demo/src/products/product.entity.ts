import { defineEntity, p } from '@mikro-orm/core';

/** The shop's one shelf: not sharded, so that an article's stock is one row. */
export const ProductEntity = defineEntity({
  name: 'Product',
  tableName: 'products',
  checks: [{ name: 'products_stock_not_negative', expression: 'stock >= 0' }],
  properties: {
    id: p.string().primary(),
    title: p.string(),
    titleZh: p.string(),
    priceCents: p.integer(),
    stock: p.integer(),
    /** Token of the lock under which it was restocked last. */
    restockedBy: p.bigint().defaultRaw('0'),
  },
});
