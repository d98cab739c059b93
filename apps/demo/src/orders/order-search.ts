import { Injectable } from '@nestjs/common';
import { EsProvider, InboxHandler, type IncomingMessage, type IndexDefinition } from 'infra-kit';
import { EVERY_EVENT, groupOf, ORDERS_PLACED, OrderPlaced } from '../events/order-placed.js';
import { FilledIndex } from '../search/filled-index.js';
import { SalesService } from './sales.service.js';

const INDEX = 'orders';

/** The event is the document. */
const DEFINITION: IndexDefinition = {
  index: INDEX,
  mappings: {
    dynamic: 'strict',
    properties: {
      orderId: { type: 'keyword' },
      number: { type: 'text' },
      buyer: { type: 'keyword' },
      productId: { type: 'keyword' },
      title: { type: 'text' },
      titleZh: { type: 'text' },
      quantity: { type: 'integer' },
      cents: { type: 'integer' },
      soldAt: { type: 'date' },
    },
  },
};

/** Orders by what was bought or by number: fed by the events of orders, so it is behind them by a moment. */
@Injectable()
export class OrderSearch {
  readonly #index: FilledIndex<OrderPlaced>;

  constructor(
    private readonly es: EsProvider,
    sales: SalesService,
  ) {
    this.#index = new FilledIndex<OrderPlaced>(es, {
      index: INDEX,
      definition: DEFINITION,
      documents: () => sales.placed(),
      id: ({ orderId }) => orderId,
    });
  }

  @InboxHandler(ORDERS_PLACED, { ...EVERY_EVENT, schema: OrderPlaced, group: groupOf('search') })
  async put({ value }: IncomingMessage<OrderPlaced>): Promise<void> {
    await this.#index.ready();
    await this.es.index(INDEX, value, { id: value.orderId });
  }

  /** Of one buyer, or, without one, of all; every word of the text must be there. Without text the newest first. */
  async find(text: string, buyer: string | undefined): Promise<readonly OrderPlaced[]> {
    await this.#index.ready();
    const query = { text, match: 'all', ...(text.trim() === '' && { sort: 'soldAt:desc' }) } as const;
    const { hits } = await (buyer === undefined
      ? this.es.search<OrderPlaced>(INDEX, query)
      : this.es.searchIn<OrderPlaced>(INDEX, { field: 'buyer', value: buyer }, query));
    return hits.map(({ source }) => source);
  }
}
