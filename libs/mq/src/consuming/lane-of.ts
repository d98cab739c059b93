import type { Delivery } from './partition-run.js';

/**
 * What a message waits behind: by key, all of its key in its partition, or nothing when it has none; else all of its
 * partition, which the run stands for.
 */
export function laneOf(delivery: Delivery, byKey: boolean): unknown {
  const { run, record } = delivery;
  if (!byKey) return run;
  if (record.key === null) return delivery;
  return `${run.partition}:${run.topic}:${record.key.toString('latin1')}`;
}
