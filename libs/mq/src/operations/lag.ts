import type { CallOptions } from '@infra-kit/kernel';
import type { DriverCall, MqDriver, PartitionBounds } from '../drivers/mq-driver.js';
import type { PartitionLag } from '../mq.messages.js';
import type { TopicNames } from '../producing/topic-names.js';
import type { CallRunner } from './call-runner.js';

interface LagParts {
  readonly driver: MqDriver;
  readonly runner: CallRunner;
  readonly names: TopicNames;
}

/**
 * How far a group is behind: in all partitions of `topics`, else in those of the topics it has committed anything of.
 * What it has not committed at all counts from the oldest message.
 */
export function lagOf(
  { driver: { admin }, runner, names }: LagParts,
  group: string,
  topics: readonly string[] | undefined,
  options: CallOptions | undefined,
): Promise<PartitionLag[]> {
  /** A commit may outlive its topic for a while: nothing is left to read there. */
  const bounds = (full: string, call: DriverCall): Promise<readonly PartitionBounds[]> =>
    admin.bounds(full, call).catch((error: unknown) => {
      if (topics === undefined && runner.codeOf(error) === 'NOT_FOUND') return [];
      throw error;
    });
  return runner.run('lag', { options }, async (call) => {
    const stored = await admin.committed(group, call);
    const wanted =
      topics?.map((topic) => names.full(topic)) ??
      [...new Set(stored.map(({ topic }) => topic))].filter((topic) => names.own(topic) !== undefined);
    const lags = await Promise.all(
      wanted.toSorted().map(async (full) =>
        (await bounds(full, call)).map(({ partition, low, high }) => {
          const mine = stored.find(({ topic, partition: of }) => topic === full && of === partition);
          const from = mine === undefined || mine.offset < low ? low : mine.offset;
          return {
            topic: names.own(full) ?? full,
            partition,
            committed: mine?.offset ?? -1n,
            end: high,
            lag: high > from ? high - from : 0n,
          };
        }),
      ),
    );
    return lags.flat();
  });
}
