import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VersioningType } from '@nestjs/common';
import { eventually } from '@infra-kit/kernel/testing';
import { request as rawHttp } from 'node:http';
import { ADAPTERS, ProbeController, startProbe, type ProbeApp } from './probe-app.js';

const TRACE = 'a'.repeat(32);

describe.each(ADAPTERS)('an application on %s', (adapter) => {
  let probe: ProbeApp;
  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(probe.url + path, { headers });

  beforeAll(async () => {
    probe = await startProbe({}, { adapter, bodyLimit: 2000 });
  });
  afterAll(() => probe.app.close());

  describe('trace id', () => {
    it('comes in by traceparent, is current in the handler, and goes out', async () => {
      const response = await get('/context', { traceparent: `00-${TRACE}-${'b'.repeat(16)}-01` });
      expect(await response.json()).toMatchObject({ traceId: TRACE });
      expect(response.headers.get('x-trace-id')).toBe(TRACE);
    });

    it('comes in by x-trace-id, and traceparent wins over it', async () => {
      const alone = await get('/context', { 'x-trace-id': TRACE.toUpperCase() });
      expect(alone.headers.get('x-trace-id')).toBe(TRACE);
      const both = await get('/context', {
        'x-trace-id': TRACE,
        traceparent: `00-${'c'.repeat(32)}-${'b'.repeat(16)}-00`,
      });
      expect(both.headers.get('x-trace-id')).toBe('c'.repeat(32));
    });

    it.each(['nonsense', '0'.repeat(32), 'a'.repeat(31), '%0d%0ax: y', 'x'.repeat(5000)])(
      'is new for the bad header %p',
      async (bad) => {
        const response = await get('/context', { 'x-trace-id': bad });
        expect(response.headers.get('x-trace-id')).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
        expect(response.headers.get('x-trace-id')).not.toBe(bad);
      },
    );

    it('is on the answer to a route that does not exist, and in its body', async () => {
      const response = await get('/nowhere', { 'x-trace-id': TRACE });
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await response.json()).toMatchObject({
        type: 'about:blank',
        status: 404,
        code: 'NOT_FOUND',
        traceId: TRACE,
      });
    });

    it('is not shared by two requests at once', async () => {
      const ids = await Promise.all(
        Array.from({ length: 20 }, async () => (await get('/context')).headers.get('x-trace-id')),
      );
      expect(new Set(ids).size).toBe(20);
    });
  });

  it('does not believe the deadline of a caller unless told to', async () => {
    expect(await (await get('/context', { 'x-deadline-ms': '50' })).json()).toMatchObject({
      remainingMs: 'none',
    });
  });

  it('cancels the context of a request whose client went away', async () => {
    ProbeController.aborted = [];
    const outgoing = rawHttp(`${probe.url}/hang`);
    outgoing.on('error', () => undefined);
    outgoing.end();
    await eventually(async () => {
      await Promise.resolve();
      expect(outgoing.socket?.bytesWritten ?? 0).toBeGreaterThan(0);
    });
    outgoing.destroy();
    await eventually(() => expect(ProbeController.aborted).toMatchObject([{ code: 'CANCELLED' }]));
  });

  describe('errors', () => {
    it('answers an InfraError as problem+json with its status and Retry-After', async () => {
      const response = await get('/fail/UNAVAILABLE');
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('2');
      expect(await response.json()).toMatchObject({
        type: 'urn:infra-kit:error:UNAVAILABLE',
        code: 'UNAVAILABLE',
        detail: 'it failed with UNAVAILABLE',
      });
    });

    it('says nothing of an error of unknown origin', async () => {
      const response = await get('/crash');
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain('hunter2');
    });

    it('names every bad field of a body', async () => {
      const response = await fetch(`${probe.url}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ item: '', quantity: 'many' }),
      });
      expect(response.status).toBe(400);
      const problem = (await response.json()) as { errors: string[] };
      expect(problem.errors.join()).toMatch(/item.*quantity/);
    });

    it.each([
      ['malformed JSON', '{"item":', 400],
      ['a body over the limit', JSON.stringify({ item: 'x'.repeat(3000) }), 413],
    ])('answers %s as problem+json', async (_what, body, status) => {
      const response = await fetch(`${probe.url}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    });

    it('answers a malformed URL as problem+json', async () => {
      const response = await get('/fail/%E0%A4%A');
      expect(response.status).toBe(400);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    });
  });

  describe('health', () => {
    it.each(['/health', '/health/live', '/health/ready'])(
      '%s answers 200 and is not cached',
      async (path) => {
        const response = await get(path);
        expect(response.status).toBe(200);
        expect(response.headers.get('cache-control')).toBe('no-store');
        expect(await response.json()).toMatchObject({ status: 'ok' });
      },
    );
  });
});

describe.each(ADAPTERS)('options of an application on %s', (adapter) => {
  it('keep health outside prefix and versions, and answer paths outside the prefix as problem+json', async () => {
    const probe = await startProbe(
      { health: { path: '/status' } },
      { adapter, prefix: 'api', versioning: { type: VersioningType.URI, defaultVersion: '1' } },
    );
    try {
      const statuses = await Promise.all(
        ['/status', '/status/ready', '/api/status', '/api/v1/context', '/context'].map(
          async (path) => (await fetch(probe.url + path)).status,
        ),
      );
      expect(statuses).toEqual([200, 200, 404, 200, 404]);
      expect((await fetch(`${probe.url}/elsewhere`)).headers.get('content-type')).toMatch(
        /^application\/problem\+json/,
      );
    } finally {
      await probe.app.close();
    }
  });

  it('trust the deadline header, rename the trace header, and leave problem+json to the suite alone when asked', async () => {
    const http = { trustDeadlineHeader: true, traceHeader: 'x-correlation', problemJson: 'infra' as const };
    const probe = await startProbe({ http, health: false }, { adapter });
    try {
      const response = await fetch(`${probe.url}/context`, {
        headers: { 'x-deadline-ms': '60000', 'x-correlation': TRACE },
      });
      expect(await response.json()).toEqual({ traceId: TRACE, remainingMs: 'some' });
      expect(response.headers.get('x-correlation')).toBe(TRACE);
      expect((await fetch(`${probe.url}/nowhere`)).headers.get('content-type')).toMatch(/^application\/json/);
      expect((await fetch(`${probe.url}/fail/ABORTED`)).headers.get('content-type')).toMatch(
        /^application\/problem\+json/,
      );
      expect((await fetch(`${probe.url}/health`)).status).toBe(404);
    } finally {
      await probe.app.close();
    }
  });
});
