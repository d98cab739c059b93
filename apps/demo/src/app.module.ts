import { Module } from '@nestjs/common';
import { InfraKitModule } from 'infra-kit';
import { AdminModule } from './admin/admin.module.js';
import { shopName } from './shop.js';
import { shopDatabase } from './shop-database.js';
import { OrdersModule } from './orders/orders.module.js';
import { PaymentsModule } from './payments/payments.module.js';
import { ProductsModule } from './products/products.module.js';
import { ReservationsModule } from './reservations/reservations.module.js';
import { SalesFiguresModule } from './sales-figures/sales-figures.module.js';
import { StockGrpcModule } from './stock-grpc/stock-grpc.module.js';

const shop = shopName(process.env);

/** The sales figures are a service of their own, in a process of its own, where Kafka carries the events there. */
export const figuresApart = (env: NodeJS.ProcessEnv): boolean => Boolean(env['KAFKA_BROKERS']?.trim());

@Module({
  imports: [
    InfraKitModule.forRoot({
      service: shop,
      clog: true,
      metrics: true,
      uid: true,
      coord: true,
      cache: [
        { keyPrefix: `${shop}:` },
        // its own prefix: the first level in the process hears of every write below it
        { name: 'products', keyPrefix: `${shop}-products:`, near: { maxEntries: 1000, ttlMs: 10_000 } },
      ],
      db: shopDatabase(process.env),
      mq: { topicPrefix: `${shop}.`, defaultPartitions: 3 },
      outbox: { maxBackoffMs: 2000 },
      es: { indexPrefix: `${shop}-`, requestTimeoutMs: 3000 },
      // a dead cache stops no order: what must happen once is kept in the database
      once: { onStoreError: 'open' },
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
      ratelimit: {
        rules: {
          'orders-per-user': { rate: 5, perMs: 10_000, capacity: 5, description: 'orders of one buyer' },
          'stock-per-caller': {
            rate: 50,
            perMs: 1000,
            capacity: 100,
            description: 'gRPC questions of one address',
          },
          'orders-total': { rate: 500, perMs: 1000, capacity: 1000, description: 'orders of all buyers' },
        },
      },
    }),
    ProductsModule,
    ReservationsModule,
    OrdersModule,
    AdminModule,
    PaymentsModule,
    ...(process.env['GRPC_PORT']?.trim() ? [StockGrpcModule] : []),
    ...(figuresApart(process.env) ? [] : [SalesFiguresModule]),
  ],
})
export class AppModule {}
