import { Injectable } from '@nestjs/common';
import { CacheProvider, ClogLogger, InfraError, InjectCache } from 'infra-kit';
import { KnownProducts } from './known-products.js';
import type { Product } from './product.js';
import { ProductCatalogue } from './product-catalogue.js';
import { ProductSettings } from './product-settings.js';

/** Products through a cache of their own, with a first level in the process: one reading of the catalogue a key, however many ask at once. */
@Injectable()
export class ProductsService {
  constructor(
    private readonly catalogue: ProductCatalogue,
    private readonly known: KnownProducts,
    private readonly settings: ProductSettings,
    @InjectCache('products') private readonly cache: CacheProvider,
    private readonly logger: ClogLogger,
  ) {}

  list(): Promise<readonly Product[]> {
    const { listTtlMs: ttlMs } = this.settings.ttls;
    return this.cache.getOrSet('all', () => this.#read('the list', () => this.catalogue.all()), { ttlMs });
  }

  async byId(id: string): Promise<Product> {
    const { productTtlMs: ttlMs } = this.settings.ttls;
    const product = await this.cache.getOrSet(`id:${id}`, () => this.#look(id), { ttlMs });
    if (product === null) throw unknown(id);
    return product;
  }

  /** What the cache says of the product is out of date, and by more than may be: see the ttls. */
  async changed(id: string): Promise<void> {
    await this.cache.delete([`id:${id}`, 'all']);
  }

  /** An id that nobody can know is refused here, and leaves nothing in the cache. */
  async #look(id: string): Promise<Product | null> {
    if (!(await this.known.mayHave(id))) throw unknown(id);
    return this.#read(id, () => this.catalogue.byId(id));
  }

  #read<T>(what: string, reading: () => Promise<T>): Promise<T> {
    this.logger.info('read from the catalogue', { what });
    return reading();
  }
}

const unknown = (id: string): InfraError =>
  new InfraError('NOT_FOUND', `no product ${id}; GET /products lists them`);
