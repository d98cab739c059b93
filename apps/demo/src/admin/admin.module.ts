import { Module } from '@nestjs/common';
import { ProductsModule } from '../products/products.module.js';
import { AdminController } from './admin.controller.js';
import { ConfigAdmin } from './config-admin.js';
import { StockController } from './stock.controller.js';

@Module({
  imports: [ProductsModule],
  controllers: [AdminController, StockController],
  providers: [ConfigAdmin],
})
export class AdminModule {}
