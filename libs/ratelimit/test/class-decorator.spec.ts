import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, type INestApplication } from '@nestjs/common';
import { RateLimit, RateLimitProvider, SkipRateLimit, type RateLimitOptions } from '@infra-kit/ratelimit';
import { serve } from './fixtures/http-app.js';

const rules: RateLimitOptions['rules'] = {
  one: { rate: 1, perMs: 60_000, capacity: 1 },
  two: { rate: 1, perMs: 60_000, capacity: 2 },
};

@Injectable()
class Mailer {
  @RateLimit({ rule: 'two', key: (to: string) => `shop:${to}` })
  async send(to: string, text: string): Promise<string> {
    return `${to}: ${text}`;
  }
}

let app: INestApplication | undefined;
afterEach(() => app?.close());

describe('@RateLimit on a class', () => {
  class Base {
    @Get('inherited')
    inherited(): string {
      return 'inherited';
    }
    @Get('shared')
    @RateLimit({ rule: 'one', key: () => 'shared' })
    shared(): string {
      return 'shared';
    }
  }

  @Controller('left')
  @RateLimit({ rule: 'two', key: () => 'class' })
  class Left extends Base {
    constructor(private readonly mailer: Mailer) {
      super();
    }
    @Get('own')
    own(): string {
      return 'own';
    }
    @RateLimit({ rule: 'one', key: () => 'added' })
    @Get('added')
    added(): string {
      return 'added';
    }
    @RateLimit({ rule: 'one', key: () => 'instead', override: true })
    @Get('instead')
    instead(): string {
      return 'instead';
    }
    @RateLimit({ rule: 'two', key: () => 'class' })
    @Get('same')
    same(): string {
      return 'same';
    }
    @SkipRateLimit()
    @Get('free')
    free(): string {
      return 'free';
    }
    @RateLimit({ rule: 'one', key: () => 'again' })
    @Get('again')
    again(): Promise<string> {
      return this.mailer.send('again', 'x');
    }
  }

  @Controller('right')
  class Right extends Base {}

  const open = () => serve('express', { rules }, { controllers: [Left, Right], providers: [Mailer] });

  it('stands for every handler, inherited ones too, and not for those of a sibling', async () => {
    const { get, app: served } = await open();
    app = served;
    expect((await get('/left/own')).headers.get('ratelimit')).toBe('"two";r=1;t=60');
    expect((await get('/left/inherited')).headers.get('ratelimit')).toBe('"two";r=0;t=120');
    expect((await get('/left/own')).status).toBe(429);
    expect((await get('/right/inherited')).headers.get('ratelimit')).toBeNull();
    expect((await get('/right/shared')).headers.get('ratelimit')).toBe('"one";r=0;t=60');
  });

  it('and on a method with the same rule and key charge a request once', async () => {
    const { get, app: served } = await open();
    app = served;
    expect((await get('/left/same')).headers.get('ratelimit')).toBe('"two";r=1;t=60');
  });

  it('methods add to it, override takes its place, skip takes all away; services below are charged for themselves', async () => {
    const { get, app: served } = await open();
    app = served;
    expect((await get('/left/added')).headers.get('ratelimit')).toBe('"two";r=1;t=60, "one";r=0;t=60');
    expect((await get('/left/instead')).headers.get('ratelimit')).toBe('"one";r=0;t=60');
    expect((await get('/left/free')).headers.get('ratelimit')).toBeNull();
    expect(await (await get('/left/again')).text()).toBe('again: x');
    expect((await served.get(RateLimitProvider).peek('shop:again', 'two')).remaining).toBe(1);
    expect((await served.get(RateLimitProvider).peek('class', 'two')).remaining).toBe(0);
  });
});
