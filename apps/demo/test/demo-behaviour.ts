import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { eventually } from '@infra-kit/kernel/testing';
import { levelOf, overview, push } from './admin-calls.js';
import { startDemo, type RunningDemo } from './running-demo.js';

const TRACE = 'd'.repeat(32);

/** What the service does, whatever it runs on. */
export function describeDemo(title: string, settings: () => Record<string, string>): void {
  describe(title, () => {
    let demo: RunningDemo;
    beforeAll(async () => {
      demo = await startDemo(settings());
    }, 120_000);
    afterAll(() => demo.stop());

    it('prints where it listens and a curl to try', () => {
      expect(demo.output()).toMatch(
        /listening on http:\/\/localhost:\d+\ntry: curl -i http:\/\/localhost:\d+\/products\/p-100\n/,
      );
    });

    it('serves products', async () => {
      const list = (await (await fetch(`${demo.url}/products`)).json()) as { id: string }[];
      expect(list.length).toBeGreaterThan(3);
      expect(await (await fetch(`${demo.url}/products/p-100`)).json()).toMatchObject({ id: 'p-100' });
    });

    it('reads the catalogue once for a hundred callers at once', async () => {
      const before = demo.lines().filter(({ what }) => what === 'p-103').length;
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => fetch(`${demo.url}/products/p-103`)),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      await eventually(() =>
        expect(demo.lines().filter(({ what }) => what === 'p-103').length).toBe(before + 1),
      );
    });

    it('answers for an unknown product, a bad body and a bad id with one clear problem each', async () => {
      const unknown = await fetch(`${demo.url}/products/p-999`);
      expect([unknown.status, ((await unknown.json()) as { detail: string }).detail]).toEqual([
        404,
        expect.stringContaining('p-999'),
      ]);
      const bad = await fetch(`${demo.url}/reservations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ productId: '', quantity: 9 }),
      });
      expect(bad.status).toBe(400);
      expect(((await bad.json()) as { errors: string[] }).errors.join()).toMatch(/productId.*quantity/);
      expect((await fetch(`${demo.url}/reservations/not-an-id`)).status).toBe(404);
    });

    it('asks no catalogue for made-up ids, once it knows which there are', async () => {
      const ask = (id: string): Promise<Response> => fetch(`${demo.url}/products/${id}`);
      const read = (): unknown[] =>
        demo.lines().flatMap(({ what }) => (String(what).startsWith('made-up-') ? [what] : []));
      await eventually(async () => {
        const before = read().length;
        const id = `made-up-${randomUUID()}`;
        expect((await ask(id)).status).toBe(404);
        await ask('p-100');
        expect(read().length).toBe(before);
      });
      const before = read().length;
      const ids = Array.from({ length: 100 }, (_, index) => `made-up-${index}-${randomUUID()}`);
      const answers = await Promise.all(ids.map(ask));
      expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 404));
      expect(read().length - before).toBeLessThan(10); // one in a hundred may pass
    });

    it('restocks a shelf once, however many ask for it at once', async () => {
      const restock = async (id: string, upTo: unknown): Promise<[number, unknown]> => {
        const answer = await fetch(`${demo.url}/admin/restock/${id}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ upTo }),
        });
        return [answer.status, await answer.json()];
      };
      const full = { id: 'p-102', stock: 1000 };
      const answers = await Promise.all(Array.from({ length: 10 }, () => restock('p-102', 1000)));
      expect(answers).toEqual(answers.map(() => [200, full]));
      const shelves = (await (await fetch(`${demo.url}/admin/stock`)).json()) as object[];
      expect(shelves).toContainEqual(full);
      expect(await (await fetch(`${demo.url}/products/p-102`)).json()).toMatchObject(full);
      expect([(await restock('p-999', 1))[0], (await restock('p-102', 'many'))[0]]).toEqual([404, 400]);
    });

    it('shows its API: routes, bodies, and what the decorators may answer', async () => {
      expect(await (await fetch(`${demo.url}/docs`)).text()).toContain('swagger-ui');
      const { paths, components } = (await (await fetch(`${demo.url}/docs-json`)).json()) as {
        paths: Record<string, Record<string, { responses: object }>>;
        components: { schemas: Record<string, { properties: object }> };
      };
      expect(Object.keys(paths)).toEqual(
        expect.arrayContaining(['/orders', '/orders/{id}', '/orders/search', '/admin/restock/{id}']),
      );
      expect(Object.keys(paths['/orders']?.['post']?.responses ?? {})).toEqual(
        expect.arrayContaining(['201', '409', '422', '429']),
      );
      expect(components.schemas['NewOrder']?.properties).toMatchObject({
        productId: { type: 'string' },
        quantity: { type: 'number' },
      });
    });

    it('shows its instruments as Prometheus reads them, by route and never by URL', async () => {
      await fetch(`${demo.url}/products/p-101`);
      const page = await (await fetch(`${demo.url}/metrics`)).text();
      expect(page).toMatch(/^http_server_request_duration\S*_count\{[^}]*http_route="\/products\/:id"/m);
      expect(page).toMatch(/^infra_cache_reads_total\{/m);
      expect(page).not.toContain('p-101');
    });

    it('makes a reservation with an id and a number, and finds it again', async () => {
      const made = await fetch(`${demo.url}/reservations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ productId: 'p-101', quantity: 2 }),
      });
      expect(made.status).toBe(201);
      const reservation = (await made.json()) as { id: string; number: string };
      expect(reservation.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      expect(reservation.number).toMatch(/^\d+$/);
      expect(await (await fetch(`${demo.url}/reservations/${reservation.id}`)).json()).toEqual(reservation);
    });

    it('writes the trace id of the request on every line that belongs to it', async () => {
      const response = await fetch(`${demo.url}/products/p-104`, { headers: { 'x-trace-id': TRACE } });
      expect(response.headers.get('x-trace-id')).toBe(TRACE);
      await eventually(() => {
        const own = demo.lines().filter((line) => line['trace_id'] === TRACE);
        expect(own.map(({ msg }) => msg)).toEqual(
          expect.arrayContaining(['read from the catalogue', 'request']),
        );
      });
    });

    it('takes a log level and a cache ttl while it runs, and keeps the old ones when they are bad', async () => {
      expect((await push(demo, 'products', { productTtlMs: '1h', listTtlMs: 'soon' })).status).toBe(202);
      await eventually(async () =>
        expect(Object.values((await overview(demo)).outcomes)).toContainEqual(
          expect.objectContaining({
            status: 'refused',
            errors: expect.arrayContaining([expect.stringContaining('listTtlMs')]),
          }),
        ),
      );
      expect((await overview(demo)).products.productTtlMs).toBe(60_000);
      await push(demo, 'products', { productTtlMs: '1h' });
      await eventually(async () => expect((await overview(demo)).products.productTtlMs).toBe(3_600_000));
      await push(demo, 'clog', { level: 'error' });
      await eventually(async () => expect(await levelOf(demo)).toBe('error'));
      await push(demo, 'clog', { level: 'info' });
      await eventually(async () => expect(await levelOf(demo)).toBe('info'));
      expect((await push(demo, 'nonsense', {})).status).toBe(404);
    });

    it('takes a few orders a buyer, refuses the next with a time to come back, and counts buyers apart', async () => {
      const order = (buyer: string, body: object = { productId: 'p-101', quantity: 1 }): Promise<Response> =>
        fetch(`${demo.url}/orders`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-user-id': buyer },
          body: JSON.stringify(body),
        });
      const buyer = `buyer-${Date.now()}`;
      const first = await order(buyer);
      expect(first.status).toBe(201);
      expect(first.headers.get('ratelimit')).toMatch(
        /^"orders-per-user";r=4;t=\d+, "orders-total";r=\d+;t=\d+$/,
      );
      const made = (await first.json()) as { id: string };
      expect(await (await fetch(`${demo.url}/orders/${made.id}`)).json()).toEqual(made);
      const more = await Promise.all(Array.from({ length: 20 }, () => order(buyer)));
      const refused = more.find(({ status }) => status === 429);
      expect(more.filter(({ status }) => status === 201).length).toBeLessThan(20);
      expect(refused?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expect((await order(`${buyer}-other`)).status).toBe(201);
    });

    it('is ready, and says what it runs on', async () => {
      expect((await fetch(`${demo.url}/health/ready`)).status).toBe(200);
      expect(
        ((await (await fetch(`${demo.url}/health`)).json()) as { details: object }).details,
      ).toHaveProperty('cache');
    });
  });
}
