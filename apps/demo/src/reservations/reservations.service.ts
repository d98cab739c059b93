import { Injectable } from '@nestjs/common';
import { CacheProvider, ClogLogger, Clock, InfraError, UidProvider } from 'infra-kit';
import { ProductsService } from '../products/products.service.js';
import type { NewReservation, Reservation } from './reservation.js';

const HELD_MS = 15 * 60_000;

@Injectable()
export class ReservationsService {
  constructor(
    private readonly products: ProductsService,
    private readonly cache: CacheProvider,
    private readonly uid: UidProvider,
    private readonly clock: Clock,
    private readonly logger: ClogLogger,
  ) {}

  async create({ productId, quantity }: NewReservation): Promise<Reservation> {
    const product = await this.products.byId(productId);
    const reservation: Reservation = {
      id: this.uid.uuidv7(),
      number: this.uid.snowflake().toString(),
      productId: product.id,
      quantity,
      until: new Date(this.clock.now() + HELD_MS).toISOString(),
    };
    await this.cache.set(`reservations:${reservation.id}`, reservation, { ttlMs: HELD_MS });
    this.logger.info('reserved', { reservation: reservation.id, product: product.id, quantity });
    return reservation;
  }

  async byId(id: string): Promise<Reservation> {
    const found = this.uid.isValidUuid(id, 7)
      ? await this.cache.get<Reservation>(`reservations:${id}`)
      : undefined;
    if (found === undefined)
      throw new InfraError('NOT_FOUND', `no reservation ${id}; it is held for 15 minutes`);
    return found;
  }
}
