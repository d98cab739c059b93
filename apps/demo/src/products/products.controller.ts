import { Controller, Get, Param } from '@nestjs/common';
import type { Product } from './product.js';
import { ProductsService } from './products.service.js';

@Controller('products')
export class ProductsController {
  constructor(private readonly products: ProductsService) {}

  @Get()
  list(): Promise<readonly Product[]> {
    return this.products.list();
  }

  @Get(':id')
  byId(@Param('id') id: string): Promise<Product> {
    return this.products.byId(id);
  }
}
