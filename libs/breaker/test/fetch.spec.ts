import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '@infra-kit/kernel/testing';
import { BreakerOpenError } from '../src/index.js';
import { aBreaker } from './breakers.js';

let server: Server;
let url: string;
let closedByClient = 0;
beforeAll(async () => {
  server = createServer((request, response) => {
    const [, status = ''] = /\/(\d+)/.exec(request.url ?? '') ?? [];
    response.on('close', () => (closedByClient += response.writableFinished ? 0 : 1));
    if (request.url === '/hang') return;
    if (request.url === '/drip') return void response.write('first');
    response.writeHead(Number(status), { 'x-method': request.method }).end(`status ${status}`);
  }).listen(0);
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('wrapFetch', () => {
  it('hands answers on as they are, counts 5xx as failures and the rest as successes', async () => {
    const { breaker } = await aBreaker({ failureThreshold: 3 });
    const guarded = breaker.wrapFetch(fetch);
    const texts = [];
    for (const path of ['/200', '/404', '/302', '/503', '/500']) {
      const response = await guarded(url + path, { method: 'POST', redirect: 'manual' });
      texts.push(`${response.headers.get('x-method')} ${await response.text()}`);
    }
    expect(texts).toEqual([
      'POST status 200',
      'POST status 404',
      'POST status 302',
      'POST status 503',
      'POST status 500',
    ]);
    expect(breaker.snapshot()).toMatchObject({ calls: 5, failures: 2 });
    await (await guarded(`${url}/502`)).text();
    await expect(guarded(`${url}/200`)).rejects.toBeInstanceOf(BreakerOpenError);
  });

  it('asks the policy about answers of 400 and more', async () => {
    const { breaker } = await aBreaker({ isFailure: (error) => (error as Response).status === 429 });
    const guarded = breaker.wrapFetch(fetch);
    for (const path of ['/429', '/500', '/200']) await (await guarded(url + path)).text();
    expect(breaker.snapshot()).toMatchObject({ calls: 3, failures: 1 });
  });

  it('counts a connection that is refused', async () => {
    const { breaker } = await aBreaker();
    await expect(breaker.wrapFetch(fetch)('http://127.0.0.1:1')).rejects.toThrow('fetch failed');
    expect(breaker.snapshot().failures).toBe(1);
  });

  it('ends a request that hangs at timeoutMs', async () => {
    const { breaker, clock } = await aBreaker({ timeoutMs: 500 });
    const before = closedByClient;
    const hung = breaker
      .wrapFetch(fetch)(`${url}/hang`)
      .catch((error: unknown) => error);
    await new Promise((resolve) => server.once('request', resolve));
    await clock.advance(500);
    expect(await hung).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await eventually(() => expect(closedByClient).toBe(before + 1));
  });

  it('rejects as fetch does when the caller’s signal aborts, also one of a Request, and counts nothing', async () => {
    const { breaker } = await aBreaker();
    const guarded = breaker.wrapFetch(fetch);
    for (const call of [
      (signal: AbortSignal) => guarded(`${url}/hang`, { signal }),
      (signal: AbortSignal) => guarded(new Request(`${url}/hang`, { signal })),
    ]) {
      const caller = new AbortController();
      const gone = call(caller.signal).catch((error: unknown) => error);
      caller.abort();
      expect(await gone).toMatchObject({ name: 'AbortError' });
    }
    expect(breaker.snapshot().calls).toBe(0);
  });

  it('rejects as fetch does when the signal is an AbortSignal.timeout, or aborted for a reason of the caller’s', async () => {
    const { breaker } = await aBreaker();
    const mine = new Error('mine');
    for (const [signal, error] of [
      [AbortSignal.timeout(1), { name: 'TimeoutError' }],
      [AbortSignal.abort(mine), mine],
    ] as const)
      await expect(breaker.wrapFetch(fetch)(`${url}/hang`, { signal })).rejects.toMatchObject(error);
    expect(breaker.snapshot().calls).toBe(0);
  });

  it('lets the caller end the reading of the body, which comes after the call', async () => {
    const { breaker } = await aBreaker();
    const caller = new AbortController();
    const response = await breaker.wrapFetch(fetch)(`${url}/drip`, { signal: caller.signal });
    const body = response.text().catch((error: unknown) => error);
    caller.abort();
    expect(await body).toMatchObject({ name: 'AbortError' });
    expect(breaker.snapshot()).toMatchObject({ calls: 1, failures: 0 });
  });
});
