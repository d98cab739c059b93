import { Module } from '@nestjs/common';
import { InfraKitModule } from 'infra-kit';
import { AdminModule } from './admin/admin.module.js';
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
    }),
    ProductsModule,
    ReservationsModule,
    AdminModule,
  ],
})
export class AppModule {}
