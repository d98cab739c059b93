import type { MqDriver, TopicPartition } from '../drivers/mq-driver.js';
import { invalidArgument, shown, type MqPlace } from '../mq.errors.js';
import type { CallRunner } from '../operations/call-runner.js';

interface SeekParts {
  readonly place: MqPlace;
  readonly driver: MqDriver;
  readonly runner: CallRunner;
}

/**
 * The offset, when reading can go on there: beyond the partition's end everything up to it would be passed over. Before
 * its oldest record is no mistake: reading goes on with what is left.
 */
export async function seekTarget(
  { place, driver, runner }: SeekParts,
  { topic, partition }: TopicPartition,
  offset: unknown,
): Promise<bigint> {
  const whole = typeof offset === 'bigint' || (typeof offset === 'number' && Number.isSafeInteger(offset));
  if (!whole || offset < 0)
    throw invalidArgument(place, `seek: offset must be a whole number ≥ 0, got ${shown(offset)}`);
  const bounds = await runner.run('seek', {}, (call) => driver.admin.bounds(topic, call));
  const { high } = bounds.find((each) => each.partition === partition) ?? { high: 0n };
  const wanted = BigInt(offset);
  if (wanted <= high) return wanted;
  throw invalidArgument(place, `seek: offset ${wanted} is beyond the end of the partition, ${high}`);
}
