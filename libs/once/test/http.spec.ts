import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { InfraContext } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { ADAPTERS, serve, type Answered, type Served } from './fixtures/http-app.js';
import { gates, HeaderAuth, ran, ShopController } from './fixtures/shop.js';

let keys = 0;
const newKey = (): string => `key-${keys++}`;
const problem = ({ body }: Answered): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;

/** What a request under this key is cancelled by. */
const signals = new Map<unknown, AbortSignal>();
const underSignal = ({ headers }: IncomingMessage, _response: unknown, next: () => void): void => {
  const signal = signals.get(headers['idempotency-key']);
  if (signal === undefined) next();
  else InfraContext.run({ signal }, next);
};

describe.each(ADAPTERS)('an idempotent handler on %s', (adapter) => {
  let served: Served;
  const post: Served['post'] = (...args) => served.post(...args);
  beforeAll(async () => {
    served = await serve(adapter, {}, { controllers: [ShopController], providers: [HeaderAuth] }, (app) =>
      app.setGlobalPrefix('api').use(underSignal),
    );
  });
  afterAll(() => served.app.close());
  beforeEach(() => ran.clear());

  /** Sends the same twice: the first is not marked, the second is the same, and marked. */
  async function twice(path: string, body?: object, headers?: object): Promise<Answered> {
    const key = newKey();
    const first = await post(path, key, body, headers);
    const second = await post(path, key, body, headers);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect([second.status, second.body]).toEqual([first.status, first.body]);
    for (const name of ['content-type', 'content-language', 'location', 'etag', 'x-order'])
      expect([name, second.headers.get(name)]).toEqual([name, first.headers.get(name)]);
    expect([...ran.values()]).toEqual([1]);
    return second;
  }

  it('runs once a key, and replays status, body and allowed headers', async () => {
    expect(problem(await twice('/api/shop/orders', { sku: 'ä', n: 1.5 }))).toEqual({
      order: 1,
      body: { sku: 'ä', n: 1.5 },
    });
    ran.clear();
    const created = await twice('/api/shop/created');
    expect([
      created.status,
      created.headers.get('location'),
      created.headers.get('content-language'),
    ]).toEqual([207, '/shop/orders/7', 'de']);
    expect([created.headers.get('x-order'), created.headers.get('x-request')]).toEqual(['7', null]);
  });

  it('replays texts, nothing, bytes, observables and redirects', async () => {
    expect(await twice('/api/shop/text')).toMatchObject({ status: 202, body: 'text 1' });
    ran.clear();
    expect(await twice('/api/shop/nothing')).toMatchObject({ status: 204, body: '' });
    ran.clear();
    await twice('/api/shop/bytes');
    ran.clear();
    expect(await twice('/api/shop/observable')).toMatchObject({ body: '{"observable":1}' });
    ran.clear();
    const moved = await twice('/api/shop/moved');
    expect([moved.status, moved.headers.get('location')]).toEqual([303, '/elsewhere']);
  });

  it('asks no header where a key function gives no key: 400, and nothing runs', async () => {
    const refused = await post('/api/shop/named', newKey(), {});
    expect(refused.status).toBe(400);
    expect(problem(refused)).toMatchObject({ detail: expect.stringContaining('key must not be empty') });
    expect(ran.size).toBe(0);
  });

  it('takes the key quoted or bare, as one', async () => {
    const key = newKey();
    await post('/api/shop/orders', key);
    expect((await post('/api/shop/orders', `"${key}"`)).headers.get('idempotent-replayed')).toBe('true');
    await post('/api/shop/orders', '"a\\"b\\\\c"');
    expect((await post('/api/shop/orders', '"a\\"b\\\\c"')).headers.get('idempotent-replayed')).toBe('true');
    expect(ran.get('order')).toBe(2);
    expect((await post('/api/shop/orders', 'x'.repeat(255))).status).toBe(201);
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['quoted and empty', '""'],
    ['too long', 'x'.repeat(256)],
    ['with a space', 'a b'],
    ['not closed', '"abc'],
    ['with parameters', '"abc";v=1'],
    ['beyond ASCII', '\u00e4'],
  ])('refuses a key that is %s with 400, and runs nothing', async (_name, key) => {
    const answer = await post('/api/shop/orders', key);
    expect([answer.status, problem(answer)['code']]).toEqual([400, 'INVALID_ARGUMENT']);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(problem(answer)['detail']).toContain('Idempotency-Key');
    expect(ran.size).toBe(0);
  });

  it('refuses the key for another payload with 422, whatever the order of members', async () => {
    const key = newKey();
    await post('/api/shop/orders', key, '{"a":1,"b":[1,2],"c":"\\u00e9"}');
    const same = await post('/api/shop/orders', key, '{ "c":"é", "b":[1, 2.0], "a":1 }');
    expect([same.status, same.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    for (const other of [
      '{"a":1,"b":[2,1],"c":"é"}',
      '{"a":2,"b":[1,2],"c":"é"}',
      '{"a":1,"b":[1,2],"c":"e"}',
    ])
      expect(await post('/api/shop/orders', key, other)).toMatchObject({ status: 422 });
    expect((await post('/api/shop/orders?dry=1', key, '{"a":1,"b":[1,2],"c":"é"}')).status).toBe(422);
    await post('/api/shop/orders/1/pay', key);
    expect((await post('/api/shop/orders/2/pay', key)).status).toBe(422);
    expect([...ran]).toEqual([
      ['order', 1],
      ['pay', 1],
    ]);
  });

  it('never lets two callers meet under one key, nor one handler another', async () => {
    const key = newKey();
    const as = (headers: object): Promise<Answered> => post('/api/shop/orders', key, {}, headers);
    await as({});
    for (const headers of [{ 'x-user': 'a' }, { 'x-user': 'b' }, { 'x-sub': 'c' }, { 'x-sub': 'not this' }])
      expect((await as(headers)).headers.get('idempotent-replayed')).toBeNull();
    expect((await as({ 'x-user': 'a' })).headers.get('idempotent-replayed')).toBe('true');
    expect((await as({ 'x-sub': 'c' })).headers.get('idempotent-replayed')).toBe('true');
    expect((await as({ 'x-forwarded-for': '10.1.1.1' })).headers.get('idempotent-replayed')).toBe('true');
    expect(ran.get('order')).toBe(5);
    expect((await post('/api/shop/text', key)).headers.get('idempotent-replayed')).toBeNull();
  });

  it('answers 409 with Retry-After while the key is in flight', async () => {
    const [key, gate] = [newKey(), Promise.withResolvers<void>()];
    gates.set(key, gate.promise);
    const first = post(`/api/shop/slow/${key}`, key);
    const refused = await refusal(() => post(`/api/shop/slow/${key}`, key));
    expect(refused.status).toBe(409);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(problem(refused)['code']).toBe('ALREADY_EXISTS');
    gate.resolve();
    expect((await first).status).toBe(201);
    expect((await post(`/api/shop/slow/${key}`, key)).headers.get('idempotent-replayed')).toBe('true');
    expect(ran.get('slow')).toBe(1);
  });

  /** Until the first has begun. */
  async function refusal(send: () => Promise<Answered>): Promise<Answered> {
    for (;;) {
      if (ran.size > 0) return send();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it('keeps what the handler gave, though its caller has left and was answered meanwhile', async () => {
    const [key, gate, leaving] = [newKey(), Promise.withResolvers<void>(), new AbortController()];
    gates.set(key, gate.promise);
    signals.set(key, leaving.signal);
    const left = post(`/api/shop/slow/${key}`, key);
    await refusal(async () => leaving.abort() as never);
    expect((await left).status).toBe(500); // no filter here knows CANCELLED
    signals.delete(key);
    gate.resolve();
    await eventually(async () => {
      const again = await post(`/api/shop/slow/${key}`, key);
      expect([again.status, again.body]).toEqual([201, '{"slow":1}']);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(again.headers.get('content-type')).toContain('application/json');
    });
  });

  it('lets a handler wait for the one in flight', async () => {
    const [key, gate] = [newKey(), Promise.withResolvers<void>()];
    gates.set(key, gate.promise);
    const both = [post(`/api/shop/patient/${key}`, key), post(`/api/shop/patient/${key}`, key)];
    await refusal(async () => gate.resolve() as never);
    const [one, other] = await Promise.all(both);
    expect([one?.status, one?.body]).toEqual([other?.status, other?.body]);
    expect(ran.get('patient')).toBe(1);
  });

  it.each(['400', '404', '500', '503'])('frees the key when the handler throws %s', async (status) => {
    const key = newKey();
    const first = await post(`/api/shop/throws/${status}`, key);
    const second = await post(`/api/shop/throws/${status}`, key);
    expect(second.status).toBe(Number(status));
    expect([first.status, second.headers.get('idempotent-replayed')]).toEqual([second.status, null]);
    expect(ran.get('throws')).toBe(2);
  });

  it('frees the key when a pipe refuses the request', async () => {
    const key = newKey();
    expect((await post('/api/shop/orders/x/pay', key)).status).toBe(400);
    expect((await post('/api/shop/orders/5/pay', key)).status).toBe(201);
  });

  it('keeps the errors it is told to, and replays them, marked', async () => {
    const answer = await twice('/api/shop/keeps');
    expect([answer.status, problem(answer)['attempt'] ?? problem(answer)['detail']]).toEqual([402, 1]);
  });

  it('keeps a returned answer below 500, and frees the key of others', async () => {
    for (const status of [200, 404, 499]) {
      ran.clear();
      expect((await twice(`/api/shop/returns/${status}`)).status).toBe(status);
    }
    const key = newKey();
    ran.clear();
    for (const returned of [1, 2]) {
      const answer = await post('/api/shop/returns/500', key);
      expect([answer.status, problem(answer)]).toEqual([500, { returned }]);
    }
  });

  it.each(['file', 'large'])('says of a %s that its result is gone, and does not run again', async (path) => {
    const key = newKey();
    const first = await post(`/api/shop/${path}`, key);
    expect([first.status, first.body]).toEqual([201, path === 'file' ? 'a file' : 'x'.repeat(300)]);
    const second = await post(`/api/shop/${path}`, key);
    expect([second.status, problem(second)['detail']]).toEqual([
      409,
      expect.stringContaining('result is gone'),
    ]);
    expect(second.headers.get('retry-after')).toBeNull();
    expect(ran.get(path)).toBe(1);
  });

  it('runs without a key where none is required, and reads the header it is told to', async () => {
    for (const optional of [1, 2])
      expect(problem(await post('/api/shop/optional', undefined))).toEqual({ optional });
    const send = (body: object): Promise<Answered> =>
      post('/api/shop/optional', undefined, body, { 'x-request-key': 'k' });
    await send({ a: 1 });
    expect(problem(await send({ a: 2 }))).toEqual({ optional: 3 });
    expect((await post('/api/shop/optional', undefined, {}, { 'x-request-key': 'a b' })).status).toBe(400);
  });

  it('makes key, scope and payload by functions of the context, on the instance', async () => {
    const send = (body: object, tenant?: string): Promise<Answered> =>
      post('/api/shop/keyed', undefined, body, tenant === undefined ? {} : { 'x-tenant': tenant });
    await send({ ref: 'r', amount: 1 });
    expect(problem(await send({ ref: 'r', amount: 1, note: 'x' }))).toEqual({ keyed: 1 });
    expect((await send({ ref: 'r', amount: 2 })).status).toBe(422);
    expect(problem(await send({ ref: 'r', amount: 1 }, 't'))).toEqual({ keyed: 2 });
    expect(problem(await send({ ref: 's', amount: 1 }))).toEqual({ keyed: 3 });
  });

  it('replays what interceptors of the application have made of it', async () => {
    expect(problem(await twice('/api/shop/wrapped'))).toEqual({ data: { wrapped: 1 } });
  });

  it('leaves other handlers alone', async () => {
    const key = newKey();
    for (const free of [1, 2]) expect(problem(await post('/api/shop/free', key))).toEqual({ free });
  });
});
