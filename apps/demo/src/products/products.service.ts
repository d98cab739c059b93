import { Injectable } from '@nestjs/common';
import { CacheProvider, ClogLogger, InfraError } from 'infra-kit';
import type { Product } from './product.js';
import { ProductCatalogue } from './product-catalogue.js';

const LIST_TTL_MS = 30_000;
const PRODUCT_TTL_MS = 60_000;

/** Products through the cache: one reading of the catalogue a key, however many ask at once. */
@Injectable()
export class ProductsService {
  constructor(
    private readonly catalogue: ProductCatalogue,
    private readonly cache: CacheProvider,
    private readonly logger: ClogLogger,
  ) {}

  list(): Promise<readonly Product[]> {
    return this.cache.getOrSet('products:all', () => this.#read('the list', () => this.catalogue.all()), {
      ttlMs: LIST_TTL_MS,
    });
  }

  async byId(id: string): Promise<Product> {
    const product = await this.cache.getOrSet(
      `products:${id}`,
      () => this.#read(id, () => this.catalogue.byId(id)),
      {
        ttlMs: PRODUCT_TTL_MS,
      },
    );
    if (product === null) throw new InfraError('NOT_FOUND', `no product ${id}; GET /products lists them`);
    return product;
  }

  #read<T>(what: string, reading: () => Promise<T>): Promise<T> {
    this.logger.info('read from the catalogue', { what });
    return reading();
  }
}
