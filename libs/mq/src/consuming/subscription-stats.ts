import { messageOf } from '@infra-kit/kernel';
import type { SubscriptionStats } from '../mq.messages.js';
import type { TopicNames } from '../producing/topic-names.js';
import type { HandlingCounts } from './failures.js';
import type { Membership } from './membership.js';
import type { PartitionRun } from './partition-run.js';
import type { SettledOptions } from './settled-options.js';

export interface StatsSource {
  readonly options: SettledOptions;
  readonly names: TopicNames;
  readonly membership: Membership;
  readonly counts: HandlingCounts;
  readonly runs: readonly PartitionRun[];
  readonly inFlight: number;
  readonly running: number;
  readonly paused: boolean;
  readonly closed: boolean;
}

function stateOf({ membership, paused, closed }: StatsSource): SubscriptionStats['state'] {
  if (closed) return 'closed';
  return membership.state === 'running' && paused ? 'paused' : membership.state;
}

export function subscriptionStats(source: StatsSource): SubscriptionStats {
  const { options, names, membership, counts, runs, inFlight, running } = source;
  const { processed, failed, retried, deadLettered } = counts;
  const { restarts, lastPollAt, lastError } = membership;
  return {
    group: options.group,
    topics: options.topics,
    state: stateOf(source),
    assigned: runs.map(({ topic, partition }) => ({ topic: names.own(topic) ?? topic, partition })),
    inFlight,
    running,
    processed,
    failed,
    retried,
    deadLettered,
    restarts,
    lag: runs.reduce((sum, { lag }) => sum + lag, 0n),
    lastPollAt,
    lastError: lastError === undefined ? undefined : messageOf(lastError),
  };
}
