import { Injectable } from '@nestjs/common';
import { CacheProvider, isInfraError } from 'infra-kit';
import { ProductCatalogue } from './product-catalogue.js';

const FILTER = 'products:known';
/** Added when all others are: a filter without it is one that someone is filling. */
const WHOLE = '#whole';
const ASK_MS = 100;

/** Keeps made-up ids away from the catalogue: a Bloom filter says which are surely none. */
@Injectable()
export class KnownProducts {
  #filling = false;

  constructor(
    private readonly cache: CacheProvider,
    private readonly catalogue: ProductCatalogue,
  ) {}

  /** False: surely there is none. Without the filter, or without the cache, every id may be one. */
  async mayHave(id: string): Promise<boolean> {
    try {
      const [known, whole] = await this.cache.blooms.has(FILTER, [id, WHOLE], { timeoutMs: ASK_MS });
      return known === true || whole !== true;
    } catch (error) {
      if (isInfraError(error) && error.code === 'FAILED_PRECONDITION') this.#fill();
      return true;
    }
  }

  #fill(): void {
    if (this.#filling) return;
    this.#filling = true;
    this.#add()
      .catch(() => undefined) // the next who asks begins anew
      .finally(() => (this.#filling = false));
  }

  async #add(): Promise<void> {
    const ids = (await this.catalogue.all()).map(({ id }) => id);
    await this.cache.blooms.reserve(FILTER, { capacity: 10_000, errorRate: 0.01 });
    await this.cache.blooms.add(FILTER, ids);
    await this.cache.blooms.add(FILTER, WHOLE);
  }
}
