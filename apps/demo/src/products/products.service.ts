import { Injectable } from '@nestjs/common';
import { CacheProvider, ClogLogger, InfraError } from 'infra-kit';
import type { Product } from './product.js';
import { ProductCatalogue } from './product-catalogue.js';
import { ProductSettings } from './product-settings.js';

/** Products through the cache: one reading of the catalogue a key, however many ask at once. */
@Injectable()
export class ProductsService {
  constructor(
    private readonly catalogue: ProductCatalogue,
    private readonly settings: ProductSettings,
    private readonly cache: CacheProvider,
    private readonly logger: ClogLogger,
  ) {}

  list(): Promise<readonly Product[]> {
    return this.cache.getOrSet('products:all', () => this.#read('the list', () => this.catalogue.all()), {
      ttlMs: this.settings.ttls.listTtlMs,
    });
  }

  async byId(id: string): Promise<Product> {
    const product = await this.cache.getOrSet(
      `products:${id}`,
      () => this.#read(id, () => this.catalogue.byId(id)),
      {
        ttlMs: this.settings.ttls.productTtlMs,
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
