import { Controller, Injectable, Scope, type OnApplicationShutdown } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { InfraContext } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import {
  InjectMq,
  MqModule,
  MqProvider,
  Subscribe,
  type IncomingBatch,
  type IncomingMessage,
  type MessageContext,
} from '@infra-kit/mq';

const seen: unknown[] = [];
const door = Promise.withResolvers<void>();

@Injectable()
class Orders implements OnApplicationShutdown {
  constructor(private readonly mq: MqProvider) {}

  @Subscribe('orders', { group: 'billing' })
  async bill(message: IncomingMessage<string>, context: MessageContext): Promise<void> {
    seen.push(['bill', message.value, context.traceId === InfraContext.traceId(), this.mq.name]);
  }

  @Subscribe('orders', { group: 'stock', batch: true })
  async stock({ messages }: IncomingBatch<string>): Promise<void> {
    seen.push(['stock', ...messages.map(({ value }) => value)]);
  }

  @Subscribe('slow')
  async slow(): Promise<void> {
    seen.push('begun');
    await door.promise;
    seen.push('finished');
  }

  onApplicationShutdown(): void {
    seen.push('destroyed');
  }
}

@Controller()
class Inbox {
  @Subscribe('mail', { group: 'inbox' })
  async read({ value }: IncomingMessage<string>): Promise<void> {
    seen.push(['mail', value]);
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerMessage {
  static made = 0;
  constructor() {
    PerMessage.made++;
  }
  @Subscribe('scoped', { group: 'scoped' })
  async take(): Promise<void> {
    seen.push(`instance ${PerMessage.made}`);
  }
}

@Injectable()
class Events {
  constructor(@InjectMq('events') readonly mq: MqProvider) {}

  @Subscribe('orders', { mq: 'events', group: 'named' })
  async take({ value }: IncomingMessage<string>): Promise<void> {
    seen.push(['events', value]);
  }
}

describe('MqModule', () => {
  it('subscribes every @Subscribe method at the start, and drains before onApplicationShutdown', async () => {
    const module = await Test.createTestingModule({
      imports: [
        MqModule.forRoot({ driver: 'memory' }),
        MqModule.forRootAsync({ name: 'events', useFactory: () => ({ driver: 'memory' as const }) }),
      ],
      providers: [Orders, PerMessage, Events],
      controllers: [Inbox],
    }).compile();
    const app = await module.init();
    const mq = app.get(MqProvider);
    expect(mq.subscribed).toBe(true);
    await mq.send('orders', { value: 'o1' });
    await mq.send('mail', { value: 'm1' });
    await mq.send('scoped', { value: 1 });
    await eventually(() => expect(seen).toContain('instance 1'));
    await mq.send('scoped', { value: 2 });
    await app.get(Events).mq.send('orders', { value: 'e1' });
    await eventually(() => {
      expect(seen).toContainEqual(['bill', 'o1', true, 'default']);
      expect(seen).toContainEqual(['stock', 'o1']);
      expect(seen).toContainEqual(['mail', 'm1']);
      expect(seen).toContain('instance 2');
      expect(seen).toContainEqual(['events', 'e1']);
    });
    expect(seen).not.toContainEqual(['events', 'o1']);

    await mq.send('slow', { value: 1 });
    await eventually(() => expect(seen).toContain('begun'));
    const closing = app.close();
    setTimeout(() => door.resolve(), 50);
    await closing;
    expect(seen.slice(-2)).toEqual(['finished', 'destroyed']);
    await expect(mq.send('orders', { value: 'late' })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('does not start without the module, and says what to add', async () => {
    const start = Test.createTestingModule({ providers: [Inbox] }).compile();
    await expect(start).rejects.toThrow(/MqModule\.forRoot/);
  });

  it('does not start when a topic for failures is missing and may not be made', async () => {
    const start = async (): Promise<unknown> => {
      const module = await Test.createTestingModule({
        imports: [MqModule.forRoot({ driver: 'memory', createTopics: false })],
        providers: [Inbox],
      }).compile();
      await module.get(MqProvider).admin.createTopic('mail');
      return module.init();
    };
    await expect(start()).rejects.toThrow(/mail needs the topic mail\.dlq/);
  });
});
