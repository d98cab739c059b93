import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  type INestApplication,
  type Provider,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ReloadRegistry } from '@infra-kit/kernel';
import {
  RateLimit,
  RateLimitExceededError,
  RateLimitModule,
  RateLimitProvider,
  SkipRateLimit,
  withMessageIntake,
  type RateLimitOptions,
} from '@infra-kit/ratelimit';
import { firstValueFrom, Observable, of } from 'rxjs';

const rules: RateLimitOptions['rules'] = {
  one: { rate: 1, perMs: 60_000, capacity: 1 },
  two: { rate: 1, perMs: 60_000, capacity: 2 },
  slot: { algorithm: 'concurrency', rate: 1, capacity: 1, perMs: 60_000 },
};

@Injectable()
class Mailer {
  readonly from: string = 'shop';
  #gate = Promise.withResolvers<void>();

  @RateLimit({
    rule: 'two',
    key(this: Mailer, to: string) {
      return `${this.from}:${to}`;
    },
  })
  async send(to: string, text: string): Promise<string> {
    return `${to}: ${text}`;
  }

  @RateLimit('one')
  async plain(): Promise<string> {
    return 'plain';
  }

  @RateLimit({ rule: 'two', key: () => 'x' })
  @RateLimit({ rule: 'one', key: () => 'x' })
  async stacked(): Promise<string> {
    return 'stacked';
  }

  @RateLimit({ rule: 'two', key: () => 'same' })
  @RateLimit({ rule: 'two', key: () => ['same', 'other', 'same'], cost: 2 })
  async twice(): Promise<string> {
    return 'twice';
  }

  @RateLimit({ rule: 'one', key: () => ['a', 'b'] })
  async each(): Promise<string> {
    return 'each';
  }

  @RateLimit({ rule: 'one', key: () => 'stream' })
  stream(): Observable<number> {
    return of(1);
  }

  @RateLimit({ rule: 'slot', key: () => 'all' })
  async exclusive(fails: boolean): Promise<string> {
    await this.#gate.promise;
    if (fails) throw new Error('its own');
    return 'done';
  }

  open(): void {
    this.#gate.resolve();
  }

  @SkipRateLimit('one')
  @RateLimit({ rule: 'one', key: () => 'skip' })
  @RateLimit({ rule: 'two', key: () => 'skip' })
  async half(): Promise<string> {
    return 'half';
  }

  @RateLimit({ rule: 'one', key: () => 'intake' })
  async consume(message: string): Promise<string> {
    return message;
  }
}

@Injectable()
class LoudMailer extends Mailer {
  @RateLimit({ rule: 'two', key: (to: string) => `loud:${to}` })
  override async send(to: string, text: string): Promise<string> {
    return (await super.send(to, text)).toUpperCase();
  }
}

@Injectable({ scope: Scope.REQUEST })
class Scoped extends Mailer {}

let app: INestApplication | undefined;
afterEach(() => app?.close());

async function start(
  providers: Provider[],
  options: RateLimitOptions = { rules },
): Promise<INestApplication> {
  @Module({ imports: [RateLimitModule.forRoot({ driver: 'memory', ...options })], providers })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await app.init();
  return app;
}
const refusal = { code: 'RESOURCE_EXHAUSTED', name: 'RateLimitExceededError' };

describe('@RateLimit on a provider', () => {
  it('charges each call for whom its key says, with this, and throws with the decision', async () => {
    const mailer = (await start([Mailer])).get(Mailer);
    expect(await mailer.send('ann', 'hi')).toBe('ann: hi');
    await mailer.send('ann', 'hi');
    const refused = await mailer.send('ann', 'hi').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RateLimitExceededError);
    expect(refused).toMatchObject({
      ...refusal,
      retryAfterMs: expect.any(Number),
      decision: { rule: 'two', allowed: false, limit: 2, remaining: 0, source: 'local' },
    });
    expect(await mailer.send('bob', 'hi')).toBe('bob: hi');
  });

  it('without a key counts the method', async () => {
    const mailer = (await start([Mailer])).get(Mailer);
    await mailer.plain();
    await expect(mailer.plain()).rejects.toMatchObject(refusal);
    const limits = app!.get(RateLimitProvider);
    expect((await limits.peek('Mailer.plain', 'one')).remaining).toBe(0);
  });

  it('stacked spends all or none; several keys are each charged', async () => {
    const mailer = (await start([Mailer])).get(Mailer);
    const limits = app!.get(RateLimitProvider);
    await mailer.stacked();
    await expect(mailer.stacked()).rejects.toMatchObject({ ...refusal, decision: { rule: 'one' } });
    expect((await limits.peek('x', 'two')).remaining).toBe(1);
    await limits.allow('b', 'one');
    await expect(mailer.each()).rejects.toMatchObject(refusal);
    expect((await limits.peek('a', 'one')).remaining).toBe(1);
  });

  it('stacked with one rule and one key charge it once, the dearest; other keys of the rule are charged too', async () => {
    const mailer = (await start([Mailer])).get(Mailer);
    const limits = app!.get(RateLimitProvider);
    expect(await mailer.twice()).toBe('twice');
    expect((await limits.peek('same', 'two')).remaining).toBe(0);
    expect((await limits.peek('other', 'two')).remaining).toBe(0);
  });

  it('and its super method charge a rule once; inherited and request-scoped classes are limited too', async () => {
    await start([LoudMailer, Scoped]);
    const loud = app!.get(LoudMailer);
    expect(await loud.send('ann', 'hi')).toBe('ANN: HI');
    const limits = app!.get(RateLimitProvider);
    expect((await limits.peek('loud:ann', 'two')).remaining).toBe(1);
    expect((await limits.peek('shop:ann', 'two')).remaining).toBe(2);
    const scoped = await app!.resolve(Scoped);
    await scoped.plain();
    await expect((await app!.resolve(Scoped)).plain()).rejects.toMatchObject(refusal);
  });

  it('counts a stream when it is subscribed to', async () => {
    const mailer = (await start([Mailer])).get(Mailer);
    const stream = mailer.stream();
    expect(await firstValueFrom(stream)).toBe(1);
    await expect(firstValueFrom(stream)).rejects.toMatchObject(refusal);
  });

  it('holds a slot until the method has ended, also by its own error', async () => {
    const mailer = (await start([Mailer])).get(Mailer);
    const first = mailer.exclusive(true);
    await expect(mailer.exclusive(false)).rejects.toMatchObject(refusal);
    mailer.open();
    await expect(first).rejects.toThrow('its own');
    expect(await mailer.exclusive(false)).toBe('done');
    expect(await mailer.exclusive(false)).toBe('done');
  });

  it('leaves out the rules that @SkipRateLimit names', async () => {
    const mailer = (await start([Mailer])).get(Mailer);
    await mailer.half();
    await mailer.half();
    await expect(mailer.half()).rejects.toMatchObject({ decision: { rule: 'two' } });
  });

  it('pauses the intake of a message instead of dropping it, and decides the same message again', async () => {
    const mailer = (await start([Mailer])).get(Mailer);
    const pauses: number[] = [];
    const intake = {
      pause: async (ms: number): Promise<void> => {
        pauses.push(ms);
        await app!.get(RateLimitProvider).reset('intake', 'one'); // as time would
      },
    };
    const handled: string[] = [];
    for (const message of ['a', 'b', 'c'])
      handled.push(await withMessageIntake(intake, () => mailer.consume(message)));
    expect(handled).toEqual(['a', 'b', 'c']);
    expect(pauses).toHaveLength(2);
    expect(Math.min(...pauses)).toBeGreaterThan(50_000);
    // control: without an intake the message would be lost to an error
    await expect(mailer.consume('d')).rejects.toMatchObject(refusal);
  });
});

describe('the start', () => {
  const failure = async (
    options: RateLimitOptions | undefined,
    ...providers: Type<unknown>[]
  ): Promise<string> => {
    @Module({
      imports: options === undefined ? [] : [RateLimitModule.forRoot({ driver: 'memory', ...options })],
      providers,
    })
    class AppModule {}
    try {
      await (await NestFactory.create(AppModule, { logger: false, abortOnError: false })).init();
    } catch (error) {
      return `${Reflect.get(Object(error), 'code')}: ${(error as Error).message}`;
    }
    return 'started';
  };

  it('stops for a rule that nobody has configured, and says where it stands', async () => {
    const message = await failure({ rules: { two: { rate: 1, capacity: 1 } } }, Mailer);
    expect(message).toMatch(/^NOT_FOUND: .*no rule "one"; known are two/);
    @Controller()
    @RateLimit('nowhere')
    class OnClass {
      @Get()
      get(): string {
        return '';
      }
    }
    expect(await failure({ rules }, OnClass)).toContain('no rule "nowhere"');
  });

  it('stops for a rule that @SkipRateLimit misspells, and for a cost that no call could have', async () => {
    class Skipping {
      @SkipRateLimit('onne')
      run(): void {}
    }
    expect(await failure({ rules }, Skipping)).toMatch(/^NOT_FOUND: .*no rule "onne"; known are one/);
    class Negative {
      @RateLimit({ rule: 'one', cost: -1 })
      run(): void {}
    }
    expect(await failure({ rules }, Negative)).toMatch(
      /^INVALID_ARGUMENT: .*cost of @RateLimit on Negative\.run must be a finite number ≥ 0, got -1/,
    );
  });

  it('stops without the module, and says which import to add', async () => {
    expect(await failure(undefined, Mailer)).toMatch(
      /RateLimitModule\.forRoot|InfraKitModule\.forRoot\(\{ ratelimit/,
    );
  });

  it('refuses the decorator where it could do nothing', () => {
    expect(() => {
      @RateLimit('one')
      class Nothing {
        run(): void {}
      }
      return Nothing;
    }).toThrow(/Nothing: the class has no handlers/);
  });
});

it('a rule that a decorator names cannot vanish while running', async () => {
  await start([Mailer]);
  const outcome = await app!
    .get(ReloadRegistry)
    .offer('ratelimit', 'default', { revision: 1n, value: { rules: { one: { rate: 1, capacity: 1 } } } });
  expect(outcome.status).toBe('refused');
  expect(outcome.errors.join()).toMatch(/rules\.two: missing, and @RateLimit on Mailer\.\w+ names it/);
});
