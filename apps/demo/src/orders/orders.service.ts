import { Injectable } from '@nestjs/common';
import { ClogLogger, InfraError, UidProvider } from 'infra-kit';
import { PaymentsService } from '../payments/payments.service.js';
import { ProductsService } from '../products/products.service.js';
import { OrderBook } from './order-book.js';
import type { NewOrder, Order } from './order.js';
import type { Sale } from './sale.entity.js';
import { SalesService } from './sales.service.js';

/**
 * Stock and orders are in different databases, and no transaction spans them. The sale decides: it is noted in the one
 * transaction that takes the goods, so nothing is sold twice. Payment and the order in its buyer's shard follow, and
 * may be repeated: `FilingService` does so for sales whose instance died on the way. So an order may appear some
 * seconds after its goods are gone, and none is lost.
 */
@Injectable()
export class OrdersService {
  constructor(
    private readonly products: ProductsService,
    private readonly payments: PaymentsService,
    private readonly sales: SalesService,
    private readonly book: OrderBook,
    private readonly uid: UidProvider,
    private readonly logger: ClogLogger,
  ) {}

  async create({ productId, quantity }: NewOrder, buyer: string): Promise<Order> {
    const { priceCents } = await this.products.byId(productId);
    const orderId = this.uid.uuidv7();
    const sale = await this.sales.once({
      orderId,
      number: this.#number() ?? orderId,
      buyer,
      productId,
      quantity,
      cents: priceCents * quantity,
    });
    return this.complete(sale);
  }

  /** Payment and filing of a sale; the order stands whatever becomes of them, so their failure is not the buyer's. */
  async complete(sale: Sale): Promise<Order> {
    const { orderId: id, number, buyer, productId, quantity, cents } = sale;
    const { status } = await this.payments.charge(id, cents);
    const order: Order = { id, number, buyer, productId, quantity, status };
    try {
      await this.book.write(order);
      await this.sales.filed(sale);
      this.logger.info('ordered', { order: id, product: productId, quantity, status });
    } catch (error) {
      this.logger.warn('ordered, and to be filed later', { order: id, status, err: error });
    }
    return order;
  }

  /** None while etcd is away for longer than this instance's number is leased. No order waits for that. */
  #number(): string | undefined {
    try {
      return this.uid.snowflake().toString();
    } catch (error) {
      this.logger.warn('an order without a number of its own', { err: error });
      return undefined;
    }
  }

  async byId(id: string, buyer: string | undefined): Promise<Order> {
    const found = this.uid.isValidUuid(id, 7) ? await this.book.find(id, buyer) : undefined;
    if (found === undefined) throw new InfraError('NOT_FOUND', `no order ${id}`);
    return found;
  }
}
