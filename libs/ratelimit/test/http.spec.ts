import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Post,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RateLimit, RateLimitGuard, SkipRateLimit, type RateLimitOptions } from '@infra-kit/ratelimit';
import { ADAPTERS, serve, type Served } from './fixtures/http-app.js';

const seen: string[] = [];

/** Authenticates by a header, and tells when it ran. */
@Injectable()
class HeaderAuth implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    seen.push('auth');
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: object }>();
    const id = request.headers['x-user'];
    if (id !== undefined) request.user = { id };
    return true;
  }
}

@Controller('shop')
class ShopController {
  readonly owner = 'shop';

  @Get('one')
  @RateLimit('one')
  one(): string {
    return 'one';
  }

  // guards run from the lowest decorator up: the limiter's is moved behind the one that authenticates
  @UseGuards(HeaderAuth)
  @RateLimit('user')
  @Get('user')
  user(): string {
    return 'user';
  }

  @RateLimit({
    rule: 'user',
    key: (context: ExecutionContext) => context.switchToHttp().getRequest<{ url: string }>().url,
  })
  @RateLimit({ rule: 'total', key: () => 'all' })
  @Get('both')
  both(): string {
    return 'both';
  }

  @RateLimit({
    rule: 'user',
    key(this: ShopController) {
      return this.owner;
    },
    cost: 2,
    skip: (context: ExecutionContext) =>
      context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['x-skip'] !==
      undefined,
  })
  @Get('costly')
  costly(): string {
    return 'costly';
  }

  @RateLimit({ rule: 'big', cost: 5 })
  @Get('never')
  never(): string {
    return 'never';
  }

  @RateLimit('watched')
  @Get('watched')
  watched(): string {
    return 'watched';
  }

  @Get('free')
  free(): string {
    return 'free';
  }

  @SkipRateLimit()
  @Get('skipped')
  skipped(): string {
    return 'skipped';
  }

  @RateLimit({ rule: 'slots', key: () => 'all' })
  @Post('slow')
  async slow(): Promise<string> {
    return 'slow';
  }
}

const rules: RateLimitOptions['rules'] = {
  one: { rate: 1, perMs: 10_000, capacity: 2 },
  user: { rate: 1, perMs: 60_000, capacity: 2 },
  total: { rate: 1, perMs: 60_000, capacity: 3 },
  big: { rate: 1, capacity: 4 },
  watched: { rate: 1, perMs: 60_000, capacity: 1, shadow: true },
  fallback: { rate: 1, perMs: 60_000, capacity: 1 },
  slots: { algorithm: 'concurrency', rate: 1, capacity: 1, perMs: 60_000 },
};

let served: Served | undefined;
afterEach(() => served?.app.close());
const start = async (
  adapter: (typeof ADAPTERS)[number],
  options: RateLimitOptions = {},
  global = false,
): Promise<Served> => {
  seen.length = 0;
  served = await serve(
    adapter,
    { rules, ...options },
    {
      controllers: [ShopController],
      providers: global ? [{ provide: APP_GUARD, useClass: RateLimitGuard }] : [],
    },
  );
  return served;
};
const statuses = async (calls: readonly Promise<Response>[]): Promise<number[]> =>
  (await Promise.all(calls)).map(({ status }) => status);

describe.each(ADAPTERS)('limits of routes on %s', (adapter) => {
  it('refuse with 429 problem+json, and say how it stands on allowed and refused answers', async () => {
    const { get, clock } = await start(adapter);
    const allowed = await get('/shop/one');
    expect([allowed.status, await allowed.text()]).toEqual([200, 'one']);
    expect(allowed.headers.get('ratelimit-policy')).toBe('"one";q=2;w=20');
    expect(allowed.headers.get('ratelimit')).toBe('"one";r=1;t=10');
    expect(allowed.headers.get('x-ratelimit-limit')).toBeNull();
    expect(allowed.headers.get('retry-after')).toBeNull();
    await get('/shop/one');
    const refused = await get('/shop/one');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(refused.headers.get('retry-after')).toBe('10');
    expect(refused.headers.get('ratelimit')).toBe('"one";r=0;t=20');
    expect(await refused.json()).toMatchObject({ status: 429, code: 'RESOURCE_EXHAUSTED' });
    await clock.advance(10_000);
    expect((await get('/shop/one')).status).toBe(200);
  });

  it('know who the user is: authentication comes first, whoever stands above', async () => {
    const { get } = await start(adapter);
    const as = (user: string): Promise<Response> => get('/shop/user', { 'x-user': user });
    expect(await statuses([as('ann'), as('ann'), as('bob')])).toEqual([200, 200, 200]);
    expect((await as('ann')).status).toBe(429);
    expect((await as('bob')).status).toBe(200);
    expect((await get('/shop/user')).status).toBe(200); // by its address
  });

  it('that are stacked are spent all or none, each once a request', async () => {
    const { get } = await start(adapter);
    const first = await get('/shop/both?a');
    expect(first.headers.get('ratelimit')).toBe('"user";r=1;t=60, "total";r=2;t=60');
    await get('/shop/both?a');
    expect((await get('/shop/both?a')).status).toBe(429);
    expect((await get('/shop/both?b')).headers.get('ratelimit')).toBe('"user";r=1;t=60, "total";r=0;t=180');
    expect((await get('/shop/both?c')).status).toBe(429);
  });

  it('heed key with this, cost, and skip', async () => {
    const { get } = await start(adapter);
    expect((await get('/shop/costly', { 'x-skip': 'yes' })).headers.get('ratelimit')).toBeNull();
    expect((await get('/shop/costly')).headers.get('ratelimit')).toBe('"user";r=0;t=120');
    expect((await get('/shop/costly')).status).toBe(429);
  });

  it('say no Retry-After for what never fits', async () => {
    const { get } = await start(adapter);
    const refused = await get('/shop/never');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, null]);
  });

  it('of a shadow rule refuse nobody and do not show', async () => {
    const { get } = await start(adapter);
    await get('/shop/watched');
    const second = await get('/shop/watched');
    expect([second.status, second.headers.get('ratelimit')]).toEqual([200, null]);
  });

  it('take slots that come free with the answer', async () => {
    const { app } = await start(adapter);
    const url = await app.getUrl();
    for (let n = 0; n < 3; n++)
      expect((await fetch(`${url}/shop/slow`, { method: 'POST' })).status).toBe(201);
  });

  it('by APP_GUARD reach every route by the default rule, but those that are skipped, and count decorated ones once', async () => {
    const { get } = await start(adapter, { defaultRule: 'fallback', headers: 'both' }, true);
    expect(await statuses([get('/shop/free')])).toEqual([200]);
    const refused = await get('/shop/free');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-ratelimit-limit')).toBe('1');
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(refused.headers.get('x-ratelimit-reset')).toBe('60');
    expect(await statuses([get('/shop/skipped'), get('/shop/skipped')])).toEqual([200, 200]);
    expect((await get('/shop/one')).headers.get('ratelimit')).toBe('"one";r=1;t=10');
  });

  it('by APP_GUARD are decided before other guards, by address', async () => {
    const { get } = await start(adapter, {}, true);
    expect(
      await statuses([get('/shop/user', { 'x-user': 'ann' }), get('/shop/user', { 'x-user': 'bob' })]),
    ).toEqual([200, 200]);
    seen.length = 0;
    expect((await get('/shop/user', { 'x-user': 'carl' })).status).toBe(429);
    expect(seen).toEqual([]);
  });

  it.each([
    ['legacy', null, '2'],
    ['both', '"one";r=1;t=10', '2'],
    ['none', null, null],
  ] as const)('show themselves in %s header fields', async (headers, ietf, legacy) => {
    const { get } = await start(adapter, { headers });
    const answer = await get('/shop/one');
    expect([answer.headers.get('ratelimit'), answer.headers.get('x-ratelimit-limit')]).toEqual([
      ietf,
      legacy,
    ]);
  });

  it('count clients behind trusted proxies by who they say it is, and believe nobody else', async () => {
    const from = (get: Served['get'], address: string): Promise<Response> =>
      get('/shop/one', { 'x-forwarded-for': `6.6.6.6, ${address}` });
    const open = await start(adapter, { trustProxy: 1 });
    expect(
      await statuses(
        ['1.1.1.1', '1.1.1.1', '2001:db8::1', '2001:db8::2', '::ffff:1.1.1.1'].map((address) =>
          from(open.get, address),
        ),
      ),
    ).toEqual([200, 200, 200, 200, 429]);
    expect((await from(open.get, '2001:db8:0:0:9::9')).status).toBe(429);
    expect((await from(open.get, '2001:db8:0:1::9')).status).toBe(200);
    await open.app.close();
    const shut = await start(adapter);
    expect(
      await statuses(['1.1.1.1', '2.2.2.2', '3.3.3.3'].map((address) => from(shut.get, address))),
    ).toContain(429);
    await shut.app.close();
    const network = await start(adapter, { trustProxy: ['127.0.0.0/8', '10.0.0.0/8'] });
    expect((await network.get('/shop/one', { 'x-forwarded-for': '9.9.9.9, 10.1.2.3' })).status).toBe(200);
    expect(
      (await network.get('/shop/one', { forwarded: 'for=9.9.9.9;proto=https, for="10.1.2.3"' })).status,
    ).toBe(200);
    expect((await network.get('/shop/one', { 'x-forwarded-for': '9.9.9.9' })).status).toBe(429);
  });
});
