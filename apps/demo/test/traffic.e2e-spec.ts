import { expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runTraffic } from './traffic.js';

it('demo:traffic starts the service embedded, reports what it saw, and ends with 0', async () => {
  const run = await runTraffic('--seed', '7', '--buyers', '20');
  expect(run.verdict).toMatch(/^whole/);
  expect(run.output).toContain('seed 7');
  for (const line of ['orders created', 'duplicates replayed', 'refused by limit', 'stock sold'])
    expect([line, run.number(line) > 0]).toEqual([line, true]);
  expect(run.number('oversold')).toBe(0);
  expect(run.number('found in search')).toBe(run.number('orders created'));
}, 300_000);

it('demo:traffic says so and ends with 1 when a shop sells what it has not', async () => {
  let orders = 0;
  // takes every order, and its shelves stay as they are
  const shop = createServer((request, response) => {
    const { method, url } = request;
    const order = { id: `o-${++orders}`, buyer: 'b', productId: 'p-102', quantity: 5, status: 'PAID' };
    const ids = Array.from({ length: orders }, (_, at) => ({ orderId: `o-${at}` }));
    const answer =
      url === '/admin/stock' ? [{ id: 'p-102', stock: 60 }] : url === '/orders/search' ? ids : order;
    response.writeHead(method === 'POST' && url === '/orders' ? 201 : 200).end(JSON.stringify(answer));
  }).listen(0);
  const { port } = shop.address() as AddressInfo;
  const run = await runTraffic('--url', `http://127.0.0.1:${port}`, '--buyers', '10', '--seed', '1');
  shop.close();
  expect(run.verdict).toMatch(/^broken \(1\)/);
  expect(run.output).toMatch(/BROKEN: \d+ keys made more than one order/);
  expect(run.output).toMatch(/BROKEN: 0 left the shelves, and orders say \d+/);
  expect(run.output).toMatch(/BROKEN: \d+ were sold that were not there/);
}, 60_000);

it('demo:traffic ends with 1 and a sentence when no shop answers as asked', async () => {
  const run = await runTraffic('--buyers', 'none');
  expect(run).toMatchObject({ code: 1, output: '--buyers must be a whole number, got none\n' });
});
