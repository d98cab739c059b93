import { Injectable } from '@nestjs/common';
import { CacheProvider, ClogLogger, InfraError, UidProvider } from 'infra-kit';
import { PaymentsService } from '../payments/payments.service.js';
import { ProductsService } from '../products/products.service.js';
import type { NewOrder, Order } from './order.js';

const KEPT_MS = 24 * 3_600_000;

/** Orders of a day, in the cache: a shop's own would be in a database. */
@Injectable()
export class OrdersService {
  constructor(
    private readonly products: ProductsService,
    private readonly payments: PaymentsService,
    private readonly cache: CacheProvider,
    private readonly uid: UidProvider,
    private readonly logger: ClogLogger,
  ) {}

  async create({ productId, quantity }: NewOrder, buyer: string): Promise<Order> {
    const product = await this.products.byId(productId);
    const id = this.uid.uuidv7();
    const { status } = await this.payments.charge(id, product.priceCents * quantity);
    const order: Order = {
      id,
      number: this.uid.snowflake().toString(),
      buyer,
      productId: product.id,
      quantity,
      status,
    };
    await this.cache.set(`orders:${order.id}`, order, { ttlMs: KEPT_MS });
    this.logger.info('ordered', { order: id, product: product.id, quantity, status });
    return order;
  }

  async byId(id: string): Promise<Order> {
    const found = this.uid.isValidUuid(id, 7) ? await this.cache.get<Order>(`orders:${id}`) : undefined;
    if (found === undefined) throw new InfraError('NOT_FOUND', `no order ${id}; it is kept for a day`);
    return found;
  }
}
