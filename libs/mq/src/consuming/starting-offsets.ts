import type { Clock, Logger } from '@infra-kit/kernel';
import type { MqDriver, PartitionOffset, TopicPartition } from '../drivers/mq-driver.js';
import type { CallRunner } from '../operations/call-runner.js';
import type { SettledOptions } from './settled-options.js';

export interface StartingParts {
  readonly driver: MqDriver;
  readonly runner: CallRunner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: SettledOptions;
}

export interface StartingRequest {
  readonly partitions: readonly TopicPartition[];
  /** Topics the caller named, as the server knows them; the others are retries, of which none may be missed. */
  readonly origins: ReadonlySet<string>;
  /** False: nobody wants the answer any more. */
  readonly current: () => boolean;
}

export interface Start {
  readonly start: PartitionOffset;
  readonly committed: bigint | undefined;
}

const AGAIN_MS = 500;

/**
 * Where a member begins to read its partitions: at what the group has committed; without that at the oldest message
 * (`fromBeginning`) or behind the newest, fixed now, so that a message sent from here on is not missed. A commit that
 * points beyond the partition's ends is moved to the nearer one. Asks again until it is answered; never rejects.
 */
export async function startingOffsets(
  parts: StartingParts,
  request: StartingRequest,
): Promise<readonly Start[]> {
  while (request.current()) {
    try {
      return await ask(parts, request);
    } catch (error) {
      parts.logger.warn('the offsets to start from are not known yet', { err: error });
      await parts.clock.sleep(AGAIN_MS);
    }
  }
  return [];
}

async function ask(
  { driver: { admin }, runner, options }: StartingParts,
  { partitions, origins }: StartingRequest,
): Promise<readonly Start[]> {
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  const [stored, ...bounds] = await Promise.all([
    runner.run('committed', {}, (call) => admin.committed(options.group, call)),
    ...topics.map((topic) => runner.run('bounds', {}, (call) => admin.bounds(topic, call))),
  ]);
  return partitions.map(({ topic, partition }) => {
    const committed = stored.find((each) => each.topic === topic && each.partition === partition)?.offset;
    const ends = bounds[topics.indexOf(topic)]?.find((each) => each.partition === partition);
    const { low, high } = ends ?? { low: 0n, high: 0n };
    const fresh = options.fromBeginning || !origins.has(topic) ? low : high;
    const wanted = committed ?? fresh;
    const offset = wanted < low ? low : wanted > high ? high : wanted;
    return { start: { topic, partition, offset }, committed };
  });
}
