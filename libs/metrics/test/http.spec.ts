import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { startFakeCollector, type FakeCollector, type ReceivedSpan } from '../src/testing/index.js';
import { seriesOf } from './series.js';
import { ADAPTERS, openShop, type Shop } from './shop-app.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

describe.each(ADAPTERS)('HTTP server telemetry on %s', (adapter) => {
  let collector: FakeCollector;
  let shop: Shop;

  beforeEach(async () => {
    collector = await startFakeCollector();
    shop = await openShop(
      adapter,
      { serviceName: 'shop', endpoint: collector.url, traces: { exporter: 'otlp' } },
      'api',
    );
  });
  afterEach(async () => {
    await shop.app.close();
    await collector.close();
  });

  const ask = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${shop.url}${path}`, { headers });
  const serverSpan = (): Promise<ReceivedSpan> =>
    eventually(async () => {
      await shop.metrics.forceFlush();
      const found = collector.spans.find(({ kind }) => kind === 'server');
      if (found === undefined) throw new Error('no server span yet');
      return found;
    });

  it('names span and duration after the route template, never the URL, under the conventions names', async () => {
    const answer = await ask('/api/shop/items/4711?secret=1');

    const span = await serverSpan();
    expect(span.name).toBe('GET /api/shop/items/:id');
    expect(span.attributes).toEqual({
      'http.request.method': 'GET',
      'url.scheme': 'http',
      'http.route': '/api/shop/items/:id',
      'http.response.status_code': 200,
    });
    expect(span.status).toBe('unset');
    expect(JSON.stringify(collector.spans)).not.toContain('secret');
    const inner = collector.spans.find(({ name }) => name === 'load item');
    expect(inner).toMatchObject({ traceId: span.traceId, parentSpanId: span.spanId });
    expect(answer.headers.get('x-trace-id')).toBe(span.traceId);

    const page = await (await ask('/metrics')).text();
    const labels =
      'http_request_method="GET",url_scheme="http",http_response_status_code="200",http_route="/api/shop/items/:id"';
    expect(seriesOf(page, 'http_server_request_duration_count').get(labels)).toBe(1);
    expect(page).toContain('le="0.075"');
    expect(page).not.toContain('4711');
  });

  it("continues the caller's trace", async () => {
    const answer = await ask('/api/shop/items/1', { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` });

    expect(answer.headers.get('x-trace-id')).toBe(TRACE_ID);
    expect(await serverSpan()).toMatchObject({ traceId: TRACE_ID, parentSpanId: SPAN_ID });
    expect(await answer.json()).toMatchObject({ traceId: TRACE_ID });
  });

  it('takes a trace id that comes without a span, so that header and span agree', async () => {
    const answer = await ask('/api/shop/items/1', { 'x-trace-id': TRACE_ID });

    expect(answer.headers.get('x-trace-id')).toBe(TRACE_ID);
    expect(await serverSpan()).toMatchObject({ traceId: TRACE_ID, parentSpanId: undefined });
  });

  it("makes no span where the caller's trace is not sampled", async () => {
    await ask('/api/shop/items/1', { traceparent: `00-${TRACE_ID}-${SPAN_ID}-00` });
    await ask('/api/shop/items/2');

    const span = await serverSpan();
    expect(span.traceId).not.toBe(TRACE_ID);
    expect(collector.spans.filter(({ traceId }) => traceId === TRACE_ID)).toEqual([]);
  });

  it('records the error behind a 5xx, and marks the span failed', async () => {
    expect((await ask('/api/shop/broken')).status).toBe(500);

    const span = await serverSpan();
    expect(span).toMatchObject({
      status: 'error',
      attributes: { 'error.type': '500', 'http.response.status_code': 500 },
    });
    expect(span.events).toHaveLength(1);
    expect(span.events[0]?.attributes).toMatchObject({
      'exception.type': 'RangeError',
      'exception.message': 'broken on purpose',
    });
  });

  it.each([
    ['/api/shop/wrong', 400, 'GET /api/shop/wrong'],
    ['/api/shop/guarded', 403, 'GET /api/shop/guarded'],
    ['/api/nowhere/4711', 404, 'GET'],
  ])('counts what is turned away at %s (%i) without calling it a failure', async (path, status, name) => {
    expect((await ask(path)).status).toBe(status);

    const span = await serverSpan();
    expect(span).toMatchObject({ name, status: 'unset', events: [] });
    expect(span.attributes['http.response.status_code']).toBe(status);
  });

  it('ends the span of a request whose client went away', async () => {
    const gone = new AbortController();
    const asked = fetch(`${shop.url}/api/shop/never`, { signal: gone.signal });
    const begun = new Promise((resolve) => shop.app.getHttpServer().once('request', resolve));
    await begun;
    gone.abort();
    await asked.catch(() => undefined);

    expect((await serverSpan()).attributes['http.response.status_code']).toBe(499);
  });

  it('serves the page outside the prefix, as Prometheus names its format, and measures neither it nor health', async () => {
    await ask('/health/live');
    const page = await ask('/metrics');

    expect(page.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await page.text();
    expect(text).toContain('target_info{');
    expect(text).not.toContain('http_server_request_duration_count');
    await shop.metrics.forceFlush();
    expect(collector.spans).toEqual([]);
  });
});
