import { decorateMethod, type MethodCall } from '@infra-kit/kernel';
import { Subscribe, type IncomingMessage, type SubscribeDecoratorOptions } from '@infra-kit/mq';
import { isObservable, lastValueFrom } from 'rxjs';
import type { OutboxProvider } from '../outbox.provider.js';
import { getOutboxToken } from '../outbox.tokens.js';
import { MESSAGE_ID_HEADER } from '../publish/message-row.js';

export interface InboxHandlerOptions extends Omit<SubscribeDecoratorOptions, 'batch' | 'batchSize'> {
  /**
   * Who remembers what was handled: keep it when classes and methods are renamed. Default: `group`, else
   * `Class.method`. Two handlers that both are to see a message need two.
   */
  readonly consumer?: string | undefined;
  /** The outbox's name; default: the one without a name. */
  readonly outbox?: string | undefined;
}

/** A message of the outbox carries its id; of any other its place, which comes again when it does, stands for it. */
function idOf({ headers, topic, partition, offset }: IncomingMessage<unknown>): string {
  return headers[MESSAGE_ID_HEADER] ?? `${topic}/${partition}/${offset}`;
}

/**
 * `@Subscribe`, and the method runs inside `inbox.run`: what it writes by `db.em()` and `db.sql` commits together with
 * the note that the message was handled, so that a message that comes again has no second effect. `(message, context)`
 * as there. The method must return a promise or an Observable.
 */
export function InboxHandler(
  topics: string | readonly string[],
  options: InboxHandlerOptions = {},
): MethodDecorator {
  const { consumer, outbox, ...subscription } = options;
  if (Reflect.get(subscription, 'batch') === true)
    throw new TypeError('@InboxHandler takes messages one by one; batch handlers are @Subscribe');
  const wrap = decorateMethod<OutboxProvider>({
    decorator: '@InboxHandler',
    token: getOutboxToken(outbox),
    around: (call) => handled(call, consumer ?? subscription.group),
  });
  const subscribe = Subscribe(topics, subscription);
  return (target, key, descriptor) => {
    wrap(target, key, descriptor);
    subscribe(target, key, descriptor);
  };
}

async function handled(
  { provider, self, args, key, proceed }: MethodCall<OutboxProvider>,
  consumer: string | undefined,
): Promise<void> {
  const [message] = args as [IncomingMessage<unknown>]; // what mq calls it with
  await provider.inbox.run(consumer ?? `${self.constructor.name}.${String(key)}`, idOf(message), async () => {
    const answer = proceed();
    await (isObservable(answer) ? lastValueFrom(answer, { defaultValue: undefined }) : answer);
  });
}
