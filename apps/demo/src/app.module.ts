import { Module } from '@nestjs/common';
import { InfraKitModule } from 'infra-kit';
import { AdminModule } from './admin/admin.module.js';
import { PaymentsModule } from './payments/payments.module.js';
import { ProductsModule } from './products/products.module.js';
import { ReservationsModule } from './reservations/reservations.module.js';

@Module({
  imports: [
    InfraKitModule.forRoot({
      service: process.env['INFRA_SERVICE'] ?? 'flash-sale',
      clog: true,
      uid: true,
      coord: true,
      cache: { keyPrefix: 'flash-sale:' },
      breaker: {
        policies: {
          'payment-gateway': {
            window: { type: 'count', size: 20 },
            minimumCalls: 5,
            timeoutMs: 500,
            openStateTimeoutMs: 2000,
            maxOpenStateTimeoutMs: 8000,
            halfOpenMaxCalls: 2,
            successThreshold: 2,
          },
        },
        share: true,
      },
    }),
    ProductsModule,
    ReservationsModule,
    AdminModule,
    PaymentsModule,
  ],
})
export class AppModule {}
