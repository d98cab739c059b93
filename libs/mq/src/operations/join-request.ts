import type { JoinRequest } from '../drivers/mq-driver.js';
import type { MqConsumerConfig } from '../mq.config.js';

export function joinRequest(
  config: MqConsumerConfig,
  { group, topics }: Pick<JoinRequest, 'group' | 'topics'>,
): JoinRequest {
  const { sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs } = config;
  const { maxBytes, maxBytesPerPartition, maxWaitMs } = config;
  return {
    group,
    topics,
    sessionTimeoutMs,
    heartbeatIntervalMs,
    rebalanceTimeoutMs,
    maxBytes,
    maxBytesPerPartition,
    maxWaitMs,
  };
}
