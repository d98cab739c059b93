import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { Clock, HealthRegistry } from '@infra-kit/kernel';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { InfraKitModule, MqProvider, RateLimit, Subscribe, type IncomingMessage } from 'infra-kit';

@Injectable()
class Billing {
  readonly seen: unknown[] = [];

  @Subscribe('orders', { retry: { attempts: 1 } })
  @RateLimit({ rule: 'bills', key: () => 'all' })
  async bill({ value }: IncomingMessage<number>): Promise<void> {
    this.seen.push(value);
  }
}

describe('mq under the umbrella', () => {
  it('is paused, not failed, where a rate limit refuses a message', async () => {
    const module = await Test.createTestingModule({
      imports: [
        InfraKitModule.forTest({
          mq: true,
          ratelimit: { rules: { bills: { rate: 1, perMs: 60_000, capacity: 2 } } },
        }),
      ],
      providers: [Billing],
    }).compile();
    const app = await module.init();
    const mq = app.get(MqProvider);
    const { seen } = app.get(Billing);
    const clock = app.get(Clock) as FakeClock;
    for (const value of [1, 2, 3, 4]) await mq.send('orders', { value });
    await eventually(() => expect(seen).toEqual([1, 2]));
    await clock.advance(59_000);
    expect(seen).toEqual([1, 2]);
    await clock.advance(2000);
    await eventually(() => expect(seen).toEqual([1, 2, 3]));
    await clock.advance(61_000);
    await eventually(() => expect(seen).toEqual([1, 2, 3, 4]));
    expect(await mq.deadLetters.list('orders')).toEqual([]);
    expect((await app.get(HealthRegistry).check({ only: 'critical' })).detail).toHaveProperty('mq');
    await app.close();
  });
});
