import { Injectable } from '@nestjs/common';
import { EsDocument, EsField, EsProvider } from 'infra-kit';
import { FilledIndex } from '../search/filled-index.js';
import { ProductCatalogue } from './product-catalogue.js';

const INDEX = 'products';

/** What is found of a product. Stock is not in it: it changes with every sale. */
@EsDocument({ index: INDEX })
export class FoundProduct {
  @EsField({ type: 'keyword' })
  id = '';

  @EsField({ type: 'text' })
  title = '';

  @EsField({ type: 'text' })
  titleZh = '';

  @EsField({ type: 'integer' })
  priceCents = 0;
}

@Injectable()
export class ProductSearch {
  readonly #index: FilledIndex<FoundProduct>;

  constructor(
    private readonly es: EsProvider,
    catalogue: ProductCatalogue,
  ) {
    this.#index = new FilledIndex<FoundProduct>(es, {
      index: INDEX,
      definition: FoundProduct,
      documents: async () =>
        (await catalogue.all()).map(({ id, title, titleZh, priceCents }) => ({
          id,
          title,
          titleZh,
          priceCents,
        })),
      id: ({ id }) => id,
    });
  }

  /** In English or Chinese, the best first. */
  async find(text: string): Promise<readonly FoundProduct[]> {
    await this.#index.ready();
    const { hits } = await this.es.search<FoundProduct>(INDEX, { text });
    return hits.map(({ source }) => source);
  }
}
