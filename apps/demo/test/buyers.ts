import type { RunningDemo } from './running-demo.js';

export interface MadeOrder {
  readonly id: string;
  readonly buyer: string;
  readonly productId: string;
  readonly quantity: number;
  readonly status: string;
}

export function order(
  { url }: Pick<RunningDemo, 'url'>,
  buyer: string,
  body: { readonly productId: string; readonly quantity: number },
  key?: string,
): Promise<Response> {
  return fetch(`${url}/orders`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-user-id': buyer,
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    body: JSON.stringify(body),
  });
}

/** As one buyer, or, without one, as the shop. */
export function find({ url }: Pick<RunningDemo, 'url'>, id: string, buyer?: string): Promise<Response> {
  return fetch(`${url}/orders/${id}`, { headers: buyer === undefined ? {} : { 'x-user-id': buyer } });
}

export async function stockOf({ url }: Pick<RunningDemo, 'url'>, productId: string): Promise<number> {
  return ((await (await fetch(`${url}/products/${productId}`)).json()) as { stock: number }).stock;
}

export interface FoundOrder {
  readonly orderId: string;
  readonly buyer: string;
  readonly title: string;
  readonly titleZh: string;
}

/** What a search answers: for one buyer, or, without one, for the shop. */
export async function search<T>(
  { url }: Pick<RunningDemo, 'url'>,
  what: 'orders' | 'products',
  text: string,
  buyer?: string,
): Promise<readonly T[]> {
  const answer = await fetch(`${url}/${what}/search?q=${encodeURIComponent(text)}`, {
    headers: buyer === undefined ? {} : { 'x-user-id': buyer },
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T[];
}
