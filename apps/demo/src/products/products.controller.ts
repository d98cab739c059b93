import { Controller, Get, Param, Query } from '@nestjs/common';
import { SearchRequest } from '../search/search-request.js';
import type { Product } from './product.js';
import { ProductSearch, type FoundProduct } from './product-search.js';
import { ProductsService } from './products.service.js';

@Controller('products')
export class ProductsController {
  constructor(
    private readonly products: ProductsService,
    private readonly search: ProductSearch,
  ) {}

  @Get()
  list(): Promise<readonly Product[]> {
    return this.products.list();
  }

  /** `?q=headphones`, `?q=耳机`. */
  @Get('search')
  find(@Query() { q }: SearchRequest): Promise<readonly FoundProduct[]> {
    return this.search.find(q);
  }

  @Get(':id')
  byId(@Param('id') id: string): Promise<Product> {
    return this.products.byId(id);
  }
}
