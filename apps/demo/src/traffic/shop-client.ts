import { setTimeout as sleep } from 'node:timers/promises';
import type { OrderPlaced } from '../events/order-placed.js';
import type { NewOrder, Order } from '../orders/order.js';
import type { Shelf } from '../products/product-catalogue.js';

const CALL_MS = 10_000;
/** How long an answer is asked for that leaves no doubt: servers that were killed take their time to come back. */
const PATIENCE_MS = 180_000;
const PAUSE_MS = 200;

export type Outcome =
  | { readonly kind: 'ordered'; readonly order: Order; readonly replayed: boolean }
  | { readonly kind: 'sold-out' | 'refused' | 'unknown' };

export interface Purchase {
  readonly buyer: string;
  readonly key: string;
  readonly body: NewOrder;
  /** Comes back when the limit says so; else a refusal ends it. */
  readonly patient: boolean;
}

/** The shop as its clients see it: one or more instances, any of which may answer, late, or not at all. */
export class ShopClient {
  #turn = 0;
  /** Answers 429 so far. */
  refusals = 0;

  constructor(private readonly urls: readonly string[]) {}

  /** Sends the order under its key until it is certain what became of it. */
  async buy({ buyer, key, body, patient }: Purchase): Promise<Outcome> {
    const headers = { 'content-type': 'application/json', 'x-user-id': buyer, 'idempotency-key': key };
    let certain = true;
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
      const answer = await this.#ask('/orders', { method: 'POST', headers, body: JSON.stringify(body) });
      if (answer?.status === 201) {
        const replayed = answer.headers.get('idempotent-replayed') === 'true';
        return { kind: 'ordered', order: (await answer.json()) as Order, replayed };
      }
      if (answer?.status === 429) {
        this.refusals += 1;
        if (certain && !patient) return { kind: 'refused' };
      } else if (answer?.status === 409) {
        const { code } = (await answer.json()) as { code?: string };
        if (code === 'FAILED_PRECONDITION') return { kind: 'sold-out' };
      } else certain = false; // whether it was sold only the next answer tells
      await sleep(Number(answer?.headers.get('retry-after') ?? 0) * 1000 || PAUSE_MS);
    }
    return { kind: 'unknown' };
  }

  async order(id: string, buyer: string): Promise<Order> {
    return this.#get(`/orders/${id}`, { 'x-user-id': buyer });
  }

  /** The ids of what the search finds of a buyer. */
  async found(buyer: string): Promise<readonly string[]> {
    const found = await this.#get<readonly OrderPlaced[]>('/orders/search', { 'x-user-id': buyer });
    return found.map(({ orderId }) => orderId);
  }

  async shelves(articles: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const shelves = await this.#get<readonly Shelf[]>('/admin/stock');
    return new Map(shelves.filter(({ id }) => articles.includes(id)).map(({ id, stock }) => [id, stock]));
  }

  async restock(id: string, upTo: number): Promise<void> {
    await this.#get(`/admin/restock/${id}`, { 'content-type': 'application/json' }, JSON.stringify({ upTo }));
  }

  /** With a body it is a POST. Asked again while the shop cannot say. */
  async #get<T>(path: string, headers: Record<string, string> = {}, body?: string): Promise<T> {
    let problem = 'no answer';
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(PAUSE_MS)) {
      const answer = await this.#ask(path, { headers, ...(body !== undefined && { method: 'POST', body }) });
      if (answer?.ok === true) return (await answer.json()) as T;
      problem = answer === undefined ? 'no answer' : `${answer.status} ${await answer.text()}`;
    }
    throw new Error(`${path}: ${problem}`);
  }

  /** Of the next instance; undefined: no answer, and nobody knows what it did. */
  async #ask(path: string, init: RequestInit): Promise<Response | undefined> {
    const url = this.urls[this.#turn++ % this.urls.length];
    return fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(CALL_MS) }).catch(() => undefined);
  }
}
