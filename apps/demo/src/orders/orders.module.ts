import { Module } from '@nestjs/common';
import { PaymentsModule } from '../payments/payments.module.js';
import { ProductsModule } from '../products/products.module.js';
import { FilingService } from './filing.service.js';
import { OrderBook } from './order-book.js';
import { OrderSearch } from './order-search.js';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';
import { SalesService } from './sales.service.js';

@Module({
  imports: [PaymentsModule, ProductsModule],
  controllers: [OrdersController],
  providers: [OrdersService, SalesService, OrderBook, OrderSearch, FilingService],
})
export class OrdersModule {}
