export { createOutbox, type OutboxDependencies, type OutboxDepsByHand } from './create-outbox.js';
export {
  defaultOutboxConfig,
  OutboxConfig,
  OutboxTables,
  type OutboxLeader,
  type OutboxOptions,
} from './outbox.config.js';
export { OUTBOX_LOCKS, OutboxModule } from './outbox.module.js';
export {
  OutboxProvider,
  type Inbox,
  type InboxResult,
  type OutboxStats,
  type ParkedMessage,
  type ParkedQuery,
  type PublishOptions,
  type TopicMessage,
} from './outbox.provider.js';
export { OUTBOX_LABELS, OUTBOX_METRICS, OUTBOX_SCOPE } from './outbox.telemetry.js';
export { getOutboxToken, InjectOutbox } from './outbox.tokens.js';
export { parseOutboxConfig } from './parse-outbox-config.js';
export { MESSAGE_ID_HEADER } from './publish/message-row.js';
export type { OutboxLocks } from './relay/leader.js';
export { InboxHandler, type InboxHandlerOptions } from './nest/inbox-handler.decorator.js';
