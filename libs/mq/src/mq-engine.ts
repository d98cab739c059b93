import type { Clock, Logger } from '@infra-kit/kernel';
import type { AroundHandler } from './consuming/handling.js';
import type { MqDriver } from './drivers/mq-driver.js';
import type { MqConfig } from './mq.config.js';
import type { MqPlace } from './mq.errors.js';
import type { MqCodec } from './mq.messages.js';
import type { CallRunner } from './operations/call-runner.js';
import type { Producer } from './producing/producer.js';
import type { TopicBook } from './producing/topic-book.js';
import type { TopicNames } from './producing/topic-names.js';

/** What the parts of one mq share. */
export interface MqEngine {
  readonly place: MqPlace;
  readonly driver: MqDriver;
  readonly runner: CallRunner;
  readonly names: TopicNames;
  readonly topics: TopicBook;
  readonly producer: Producer;
  readonly codec: MqCodec;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: () => MqConfig;
  readonly around: AroundHandler | undefined;
  readonly inTransaction: (() => boolean) | undefined;
}
