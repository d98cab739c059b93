import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger as Nest } from '@nestjs/common';
import { eventually } from '@infra-kit/kernel/testing';
import { ReloadRegistry } from '@infra-kit/kernel';
import { access, serve, type Served } from './http-service.js';
import { LogFolder, type Line } from './log-files.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;
const HEX32 = /^[0-9a-f]{32}$/;

/** The names of a line of text, as often as they stand there: parsing would hide the doubles. */
const keysOf = (text: string): string[] => [...text.matchAll(/[{,]"([^"]+)":/g)].map(([, key]) => key ?? '');

describe.each(['express', 'fastify'] as const)('HTTP on %s', (adapter) => {
  let folder: LogFolder;
  let served: Served;

  beforeEach(async () => {
    folder = new LogFolder();
    served = await serve(adapter, folder.file());
  });
  afterEach(async () => {
    await served.app.close();
    folder[Symbol.dispose]();
    Nest.overrideLogger(false);
  });

  /** The access lines, once there are `count`. */
  const requests = (count: number): Promise<Line[]> =>
    eventually(() => {
      const lines = access(folder.lines());
      expect(lines).toHaveLength(count);
      return lines;
    });

  it('writes one access line a request, with the route’s template', async () => {
    const response = await fetch(`${served.url}/orders/order-without-template?x=1`);
    const body = await response.arrayBuffer();
    const [line] = await requests(1);
    expect(line).toMatchObject({
      level: 'info',
      namespace: 'http',
      'http.method': 'GET',
      'http.route': '/orders/:id',
      'http.status': 200,
      bytes: body.byteLength,
      duration_ms: expect.any(Number),
      trace_id: response.headers.get('x-trace-id'),
      request_id: response.headers.get('x-request-id'),
    });
    expect(JSON.stringify(line)).not.toContain('order-without-template');
  });

  it('takes the caller’s trace in, puts it on every line after awaits too, and gives it back', async () => {
    const cases: readonly [Record<string, string>, string | undefined][] = [
      [{ traceparent: PARENT, 'x-trace-id': 'f'.repeat(32) }, TRACE],
      [{ 'x-trace-id': TRACE.toUpperCase() }, TRACE],
      [{ 'x-trace-id': 'not hex' }, undefined],
      [{}, undefined],
    ];
    for (const [index, [headers, expected]] of cases.entries()) {
      const response = await fetch(`${served.url}/orders/1`, { headers });
      const out = response.headers.get('x-trace-id');
      if (expected === undefined) expect(out).toMatch(HEX32);
      else expect(out).toBe(expected);
      await requests(index + 1);
      const own = folder.lines().filter((line) => line['trace_id'] === out);
      expect(own.map(({ msg }) => msg).slice(-3)).toEqual(['reading', 'read', 'request']);
    }
  });

  it('keeps the context across a parsed body', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(50_000) });
    const headers = { 'content-type': 'application/json', 'x-trace-id': TRACE };
    const response = await fetch(`${served.url}/orders`, { method: 'POST', headers, body });
    expect(response.status).toBe(201);
    await requests(1);
    expect(folder.lines().find(({ msg }) => msg === 'creating')).toMatchObject({ trace_id: TRACE });
  });

  it('keeps a valid x-request-id and replaces any other', async () => {
    const kept = await fetch(`${served.url}/orders/1`, { headers: { 'x-request-id': 'req-1.a' } });
    expect(kept.headers.get('x-request-id')).toBe('req-1.a');
    const made = await fetch(`${served.url}/orders/1`, { headers: { 'x-request-id': 'no id "at all"' } });
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const lines = await requests(2);
    expect(lines[0]).toMatchObject({ request_id: 'req-1.a' });
    expect(folder.lines().filter((line) => line['request_id'] === 'req-1.a')).toHaveLength(3);
  });

  it('writes failures at error, and what no route answers too', async () => {
    await fetch(`${served.url}/fail`);
    await fetch(`${served.url}/nowhere?secret=1`);
    await fetch(`${served.url}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{ not json',
    });
    const lines = await requests(3);
    expect(lines).toMatchObject([
      { level: 'error', 'http.status': 503, 'http.route': '/fail' },
      { level: 'info', 'http.status': 404, 'http.path': '/nowhere' },
      { level: 'info', 'http.status': 400, 'http.method': 'POST' },
    ]);
    expect(lines[1]).not.toHaveProperty('http.route');
  });

  it('is quiet about health routes, though not about what they log', async () => {
    await fetch(`${served.url}/health/live`);
    await fetch(`${served.url}/orders/1`);
    await requests(1);
    expect(folder.lines().find(({ msg }) => msg === 'checked')).toMatchObject({
      trace_id: expect.stringMatching(HEX32),
    });
  });

  it('counts the bytes of streams and none of HEAD', async () => {
    await (await fetch(`${served.url}/stream`)).arrayBuffer();
    await fetch(`${served.url}/orders/1`, { method: 'HEAD' });
    const lines = await requests(2);
    expect(lines).toMatchObject([{ bytes: 8 }, { 'http.method': 'HEAD', bytes: 0 }]);
  });

  it('says when the client went away', async () => {
    const { hostname, port } = new URL(served.url);
    const hung = httpRequest({ hostname, port, path: '/hang' });
    hung.on('error', () => undefined);
    hung.end();
    await eventually(() => expect(folder.lines().map(({ msg }) => msg)).toContain('hanging')); // it has arrived
    hung.destroy();
    const [line] = await requests(1);
    expect(line).toMatchObject({ level: 'warn', aborted: true, 'http.status': 499, 'http.route': '/hang' });
  });

  it('binds nestjs-pino’s request logger: assigned fields on its lines and on the closing one, redacted', async () => {
    await fetch(`${served.url}/pino`);
    await requests(1);
    const lines = folder.lines().filter((line) => line['userId'] === 7);
    expect(lines.map(({ msg }) => msg)).toEqual(['through nestjs-pino', 'request']);
    for (const line of lines) expect(line).toMatchObject({ token: '[Redacted]' });
  });

  it('names no key twice: own lines, nestjs-pino’s, req.log’s and the access line', async () => {
    for (const path of ['orders/1', 'pino', 'log', 'fail']) await fetch(`${served.url}/${path}`);
    await requests(4);
    const texts = readFileSync(folder.file(), 'utf8').trimEnd().split('\n');
    const inRequest = texts.filter((text) => text.includes('"request_id"'));
    expect(inRequest.length).toBeGreaterThanOrEqual(9);
    for (const text of inRequest) {
      const keys = keysOf(text.replace(/"fields":\{[^}]*\}/, '"fields":0'));
      expect(keys).toEqual([...new Set(keys)]);
    }
    expect(folder.lines().find(({ msg }) => msg === 'through req.log')).toMatchObject({
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      fields: { request_id: 'another' },
    });
  });

  it('tells a response that the service itself broke off from a client that went away', async () => {
    await expect(fetch(`${served.url}/broken`)).rejects.toThrow();
    const [line] = await requests(1);
    expect(line).toMatchObject({
      level: 'error',
      aborted: true,
      'http.status': 200,
      'http.route': '/broken',
    });
  });

  it('follows a changed configuration: slow requests, other quiet routes, none at all', async () => {
    const reload = served.app.get(ReloadRegistry);
    const offer = (revision: bigint, http: object) =>
      reload.offer('clog', 'default', { revision, value: { http } });
    await offer(1n, { slowMs: 0.000001 });
    await fetch(`${served.url}/orders/1`);
    expect(await requests(1)).toMatchObject([{ level: 'warn', slow: true }]);
    await offer(2n, { ignorePaths: ['/orders'] });
    await fetch(`${served.url}/orders/1`);
    await fetch(`${served.url}/pino`);
    await requests(2);
    await offer(3n, { enabled: false });
    const silent = await fetch(`${served.url}/pino`);
    expect(silent.headers.get('x-trace-id')).toMatch(HEX32);
    await requests(2);
  });

  it('obeys the level of its namespace', async () => {
    const reload = served.app.get(ReloadRegistry);
    await reload.offer('clog', 'default', { revision: 1n, value: { levels: { http: 'error' } } });
    await fetch(`${served.url}/orders/1`);
    await fetch(`${served.url}/fail`);
    expect(await requests(1)).toMatchObject([{ 'http.status': 503 }]);
  });
});
