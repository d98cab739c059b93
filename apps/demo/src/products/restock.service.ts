import { Injectable } from '@nestjs/common';
import { CacheProvider, ClogLogger, InfraError } from 'infra-kit';
import { ProductCatalogue, type Shelf } from './product-catalogue.js';
import { ProductsService } from './products.service.js';

@Injectable()
export class RestockService {
  constructor(
    private readonly catalogue: ProductCatalogue,
    private readonly products: ProductsService,
    private readonly cache: CacheProvider,
    private readonly logger: ClogLogger,
  ) {}

  /**
   * Fills a shelf up. Who counts and who adds must not be two: one at a time, on all instances. A holder that stood still
   * for longer than its lock comes back with a token that the shelf has seen a higher one than, and adds nothing.
   */
  restock(id: string, upTo: number): Promise<Shelf> {
    return this.cache.locks.withLock(`restock:${id}`, { ttlMs: 10_000, waitMs: 5000 }, async ({ token }) => {
      const shelf = await this.catalogue.shelf(id);
      const missing = upTo - shelf.stock;
      if (missing <= 0) return shelf;
      const filled = await this.catalogue.add(id, missing, token);
      if (filled === undefined) throw new InfraError('ABORTED', `another has restocked ${id} meanwhile`);
      await this.products.changed(id);
      this.logger.info('restocked', { product: id, added: missing });
      return filled;
    });
  }
}
