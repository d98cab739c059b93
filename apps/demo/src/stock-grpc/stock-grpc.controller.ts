import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { RateLimit } from 'infra-kit';
import { ProductsService } from '../products/products.service.js';

interface StockRequest {
  readonly productId: string;
}

interface StockReply {
  readonly productId: string;
  readonly stock: number;
}

/** NOT_FOUND for a product that there is not, RESOURCE_EXHAUSTED for a caller that asks too often. */
@Controller()
export class StockGrpcController {
  constructor(private readonly products: ProductsService) {}

  @RateLimit('stock-per-caller')
  @GrpcMethod('Stock', 'Of')
  async of({ productId }: StockRequest): Promise<StockReply> {
    const { stock } = await this.products.byId(productId);
    return { productId, stock };
  }
}
