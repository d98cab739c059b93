import { IsInt, IsISO8601, IsString, IsUUID } from 'class-validator';
import { shopName } from '../shop.js';

export const ORDERS_PLACED = 'orders.placed';

/** Goods were taken off the shelf for this order. The key of the message is the order's id. */
export class OrderPlaced {
  @IsUUID()
  orderId = '';

  @IsString()
  number = '';

  @IsString()
  buyer = '';

  @IsString()
  productId = '';

  @IsString()
  title = '';

  @IsString()
  titleZh = '';

  @IsInt()
  quantity = 0;

  @IsInt()
  cents = 0;

  @IsISO8601()
  soldAt = '';
}

/**
 * How those who keep something from events subscribe. Where their store is away an event waits its turn (for half an hour,
 * then it is a dead letter, which an operator can send again); orders of different ids do not wait for each other.
 */
export const EVERY_EVENT = {
  fromBeginning: true,
  concurrency: 4,
  retry: { attempts: 1000, backoffMs: 100, maxBackoffMs: 2000 },
} as const;

/** Groups of Kafka have no prefix: two shops on one Kafka are kept apart by their names. */
export const groupOf = (what: string): string => `${shopName(process.env)}-${what}`;
