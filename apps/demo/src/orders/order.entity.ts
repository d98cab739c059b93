import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** In the shard of its buyer. */
export const OrderEntity = defineEntity({
  name: 'Order',
  tableName: 'orders',
  properties: {
    id: p.uuid().primary(),
    number: p.string(),
    userId: p.string().index(),
    productId: p.string(),
    quantity: p.integer(),
    status: p.string().$type<'PAID' | 'PENDING_PAYMENT'>(),
  },
});
export type OrderRow = InferEntity<typeof OrderEntity>;
