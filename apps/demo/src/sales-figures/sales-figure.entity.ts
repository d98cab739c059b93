import { defineEntity, p } from '@mikro-orm/core';

/** What was sold of a product. A sum: an event that is counted twice would show. */
export const SalesFigureEntity = defineEntity({
  name: 'SalesFigure',
  tableName: 'sales_figures',
  properties: {
    productId: p.string().primary(),
    orders: p.integer(),
    quantity: p.integer(),
    cents: p.bigint('number'),
  },
});

export interface SalesFigure {
  readonly productId: string;
  readonly orders: number;
  readonly quantity: number;
  readonly cents: number;
}
