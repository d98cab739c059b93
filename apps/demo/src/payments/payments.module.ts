import { Module } from '@nestjs/common';
import { ProductsModule } from '../products/products.module.js';
import { ReservationsModule } from '../reservations/reservations.module.js';
import { PaymentGateway } from './payment-gateway.js';
import { PaymentsController } from './payments.controller.js';
import { PaymentsService } from './payments.service.js';

@Module({
  imports: [ProductsModule, ReservationsModule],
  controllers: [PaymentsController],
  providers: [PaymentGateway, PaymentsService],
  exports: [PaymentsService],
})
export class PaymentsModule {}
