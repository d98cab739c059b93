import { Module } from '@nestjs/common';
import { ProductsModule } from '../products/products.module.js';
import { StockGrpcController } from './stock-grpc.controller.js';

@Module({ imports: [ProductsModule], controllers: [StockGrpcController] })
export class StockGrpcModule {}
