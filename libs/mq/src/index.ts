export { MqSaslConfig, MqTlsConfig } from './mq-access.config.js';
export {
  defaultMqConfig,
  MqConfig,
  MqConsumerConfig,
  MqProducerConfig,
  MqRetryConfig,
  type MqOptions,
} from './mq.config.js';
export { createMq, type MqDeps } from './create-mq.js';
export type {
  BatchHandler,
  BatchSubscribeOptions,
  DeadLetter,
  IncomingBatch,
  IncomingMessage,
  MessageContext,
  MessageHandler,
  MqCodec,
  OutgoingMessage,
  PartitionLag,
  RetryPolicy,
  SendReceipt,
  SubscribeOptions,
  Subscription,
  SubscriptionStats,
} from './mq.messages.js';
export {
  MqProvider,
  type DeadLetterQuery,
  type DeadLetterSelection,
  type MqAdmin,
  type MqDeadLetters,
  type MqStats,
  type MqTesting,
  type PartitionOffsets,
  type SendCallback,
  type TopicOptions,
} from './mq.provider.js';
export type { AroundHandler, Intake } from './consuming/handling.js';
export { MQ_LABELS, MQ_METRICS, MQ_SCOPE } from './mq.telemetry.js';
export { getMqToken, InjectMq } from './mq.tokens.js';
export { parseMqConfig } from './parse-mq-config.js';
export type {
  ConsumerListener,
  DriverCall,
  JoinRequest,
  MqConsumer,
  MqDriver,
  MqDriverAdmin,
  NewRecord,
  NewTopic,
  PartitionBounds,
  PartitionOffset,
  RawHeaders,
  RecordBatch,
  StoredRecord,
  TopicPartition,
} from './drivers/mq-driver.js';
export { assignPartitions, type GroupMember } from './drivers/group-assignment.js';
export { MQ_AROUND_HANDLER, MQ_IN_TRANSACTION, MqModule } from './mq.module.js';
export { Subscribe, type SubscribeDecoratorOptions } from './nest/subscribe.decorator.js';
