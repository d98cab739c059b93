import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type INestApplication, type Provider, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CacheModule } from '@infra-kit/cache';
import {
  BreakerModule,
  BreakerProvider,
  CircuitBreaker,
  InjectBreaker,
  type BreakerOptions,
} from '../src/index.js';

let app: INestApplication | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function start(
  providers: Provider[],
  imports: object[] = [BreakerModule.forRoot()],
): Promise<INestApplication> {
  @Module({ imports: imports as Type<unknown>[], providers })
  class AppModule {}
  app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await app.init();
  return app;
}

class Plain {
  @CircuitBreaker({ name: 'plain', policy: { failureThreshold: 2 } })
  async pay(): Promise<void> {}
}

describe('@CircuitBreaker at the start', () => {
  it('without the module fails the start, and the sentence says what to import', async () => {
    await expect(start([Plain], [])).rejects.toThrow(
      /BreakerModule\.forRoot.*InfraKitModule\.forRoot\(\{ breaker/,
    );
  });

  it('with an unknown fallback method fails the start, also on a class that a factory makes', async () => {
    class Wrong {
      @CircuitBreaker({ name: 'wrong', fallback: 'latr' })
      async pay(): Promise<void> {}
    }
    for (const provider of [Wrong, { provide: 'made', useFactory: () => new Wrong() }])
      await expect(start([provider])).rejects.toThrow(/Wrong\.pay: fallback 'latr' is no method/);
  });

  it('with a bad policy fails the start', async () => {
    class Wrong {
      @CircuitBreaker({ name: 'wrong', policy: { failureRate: 50 } })
      async pay(): Promise<void> {}
    }
    await expect(start([Wrong])).rejects.toThrow(/'wrong': failureRate/);
  });

  it('is refused by the compiler on a method that returns neither promise nor Observable', () => {
    class Wrong {
      // @ts-expect-error it returns a text
      @CircuitBreaker('wrong')
      pay(): string {
        return 'paid';
      }
    }
    expect(Wrong).toBeDefined();
  });

  it('with another policy of one name fails it, and both places are named; the same policy twice is one', async () => {
    class Other {
      @CircuitBreaker({ name: 'plain', policy: { failureThreshold: 3 } })
      async refund(): Promise<void> {}
    }
    class Alike {
      @CircuitBreaker({ name: 'plain', policy: { failureThreshold: 2 } })
      async refund(): Promise<void> {}

      @CircuitBreaker('plain')
      async look(): Promise<void> {}
    }
    await expect(start([Plain, Other])).rejects.toThrow(
      /@CircuitBreaker on Plain\.pay and on Other\.refund: 'plain' has two different policies/,
    );
    const started = await start([Plain, Alike]);
    expect(started.get(BreakerProvider).all()).toHaveLength(1);
  });
});

describe('BreakerModule', () => {
  const options: BreakerOptions = { default: { failureThreshold: 1 } };

  it('makes named instances, which decorators can name', async () => {
    @Injectable()
    class Edge {
      constructor(
        @InjectBreaker('edge') readonly edge: BreakerProvider,
        readonly main: BreakerProvider,
      ) {}

      @CircuitBreaker({ name: 'call', provider: 'edge' })
      async call(): Promise<void> {}
    }
    const started = await start(
      [Edge],
      [
        BreakerModule.forRoot(options),
        BreakerModule.forRootAsync({ name: 'edge', useFactory: () => options }),
      ],
    );
    const { edge, main } = started.get(Edge);
    await started.get(Edge).call();
    expect([edge.name, main.name]).toEqual(['edge', 'default']);
    expect([edge.all().length, main.all().length]).toEqual([1, 0]);
  });

  it('takes the cache that share names, and refuses to start without it', async () => {
    const memory = { driver: 'memory' as const };
    const shared = { share: { cache: 'fleet', quorum: 1 } };
    await start([], [CacheModule.forRoot({ ...memory, name: 'fleet' }), BreakerModule.forRoot(shared)]);
    expect(await app?.get(BreakerProvider).health()).toMatchObject({ detail: { share: 'up' } });
    await app?.close();
    await start(
      [],
      [
        CacheModule.forRoot(memory),
        BreakerModule.forRootAsync({ cache: true, useFactory: () => ({ share: true }) }),
      ],
    );
    expect(await app?.get(BreakerProvider).health()).toMatchObject({ detail: { share: 'up' } });
    await app?.close();
    await expect(start([], [CacheModule.forRoot(memory), BreakerModule.forRoot(shared)])).rejects.toThrow(
      /breaker: its cache is missing.*fleet/,
    );
    await expect(
      start([], [BreakerModule.forRootAsync({ useFactory: () => ({ share: true }) })]),
    ).rejects.toThrow(/share:/);
    app = undefined;
  });
});
