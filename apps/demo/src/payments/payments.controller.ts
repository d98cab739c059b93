import { Controller, Get, Param, Post } from '@nestjs/common';
import { ProductsService } from '../products/products.service.js';
import { ReservationsService } from '../reservations/reservations.service.js';
import type { Payment } from './payment.js';
import { PaymentsService } from './payments.service.js';

@Controller('reservations/:id/payment')
export class PaymentsController {
  constructor(
    private readonly payments: PaymentsService,
    private readonly reservations: ReservationsService,
    private readonly products: ProductsService,
  ) {}

  @Post()
  async pay(@Param('id') id: string): Promise<Payment> {
    const { productId, quantity } = await this.reservations.byId(id);
    const { priceCents } = await this.products.byId(productId);
    return this.payments.charge(id, priceCents * quantity);
  }

  @Get()
  find(@Param('id') id: string): Promise<Payment> {
    return this.payments.find(id);
  }
}
