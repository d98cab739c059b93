import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { REDACTED } from '@infra-kit/clog';
import { at, capturedClog } from './clogs.js';

const SECRET = 'Bearer s3cr3t-value';

interface Exchange {
  readonly sent: ReturnType<typeof request>;
  readonly answered: IncomingMessage;
  readonly received: IncomingMessage;
  readonly response: ServerResponse;
}

/** One exchange of Node's own objects, all four of which have seen the secret. */
async function exchange(): Promise<Exchange & AsyncDisposable> {
  const taken = Promise.withResolvers<[IncomingMessage, ServerResponse]>();
  const server = createServer((incoming, response) => {
    response.setHeader('set-cookie', SECRET);
    response.end('ok');
    taken.resolve([incoming, response]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const headers = { authorization: SECRET, 'x-shown': 'yes' };
  const sent = request({
    port,
    host: '127.0.0.1',
    path: `/orders?key=${encodeURIComponent(SECRET)}`,
    headers,
  });
  const answer = new Promise<IncomingMessage>((resolve) => sent.once('response', resolve));
  sent.end();
  const answered = await answer;
  answered.resume();
  const [received, response] = await taken.promise;
  return {
    sent,
    answered,
    received,
    response,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('Node’s HTTP objects', () => {
  let http: Awaited<ReturnType<typeof exchange>>;
  beforeAll(async () => {
    http = await exchange();
  });
  afterAll(async () => {
    await http[Symbol.asyncDispose]();
  });

  const NAMES = ['sent', 'answered', 'received', 'response'] as const;

  it.each(NAMES)(
    'show no secret: %s, as a field, of an error, bound, in depth, as the fields',
    async (name) => {
      await using app = await capturedClog();
      const value = http[name];
      app.clog.root.info('field', { value });
      app.clog.root.error('of an error', { err: Object.assign(new Error('failed'), { request: value }) });
      app.clog.root.with({ value }).info('bound');
      app.clog.root.info('deep', { list: [{ value }], socket: value.socket });
      app.clog.root.info('fields', value);
      expect(app.captured.lines).toHaveLength(5);
      expect(app.captured.texts.join('')).not.toContain('s3cr3t');
      app.clog.root.info('spread, which makes a plain object of it', { value: Object.assign({}, value) });
      expect(app.captured.texts.at(-1)).not.toContain(SECRET);
    },
  );

  it('are told by method, URL without query, status and headers', async () => {
    await using app = await capturedClog();
    app.clog.root.info('x', { ...http, [Symbol.asyncDispose]: undefined });
    expect(app.captured.last).toMatchObject({
      sent: {
        method: 'GET',
        url: 'http://127.0.0.1/orders',
        status: 200,
        headers: { authorization: REDACTED, 'x-shown': 'yes' },
      },
      answered: { status: 200, headers: { 'set-cookie': REDACTED } },
      received: { method: 'GET', url: '/orders', headers: { authorization: REDACTED, 'x-shown': 'yes' } },
      response: { status: 200, headers: { 'set-cookie': REDACTED } },
    });
    expect(Object.keys(Object(at(app.captured.last, 'received')))).toEqual(['method', 'url', 'headers']);
  });
});

describe('headers of other shapes', () => {
  it('are redacted as names and values, flat or in pairs', async () => {
    await using app = await capturedClog();
    app.clog.root.info('x', {
      rawHeaders: ['Authorization', SECRET, 'Host', 'a'],
      request: {
        headers: [
          ['cookie', SECRET],
          ['host', 'a'],
        ],
      },
      names: ['token', 'kept'],
      _header: `GET / HTTP/1.1\r\nauthorization: ${SECRET}`,
    });
    expect(app.captured.last).toMatchObject({
      rawHeaders: ['Authorization', REDACTED, 'Host', 'a'],
      request: {
        headers: [
          ['cookie', REDACTED],
          ['host', 'a'],
        ],
      },
      names: ['token', 'kept'],
      _header: REDACTED,
    });
  });

  it('are shown by their entries when they are fetch’s', async () => {
    await using app = await capturedClog();
    app.clog.root.info('x', {
      headers: new Headers({ authorization: SECRET, host: 'a' }),
      query: new URLSearchParams({ token: SECRET, page: '2' }),
    });
    expect(app.captured.last).toMatchObject({
      headers: { authorization: REDACTED, host: 'a' },
      query: { token: REDACTED, page: '2' },
    });
  });
});
