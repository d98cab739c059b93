import type { TopicPartition } from './mq-driver.js';

export interface GroupMember {
  readonly id: string;
  readonly topics: readonly string[];
}

/**
 * Who gets which partitions: each topic's partitions go in turn to the members that want that topic, in order of their
 * ids, so that every client and the memory driver share alike. Where a topic has fewer partitions than members, the next
 * topic goes on with the member after the last one served.
 */
export function assignPartitions(
  members: readonly GroupMember[],
  partitionsOf: (topic: string) => number,
): ReadonlyMap<string, readonly TopicPartition[]> {
  const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const shares = new Map<string, TopicPartition[]>(sorted.map(({ id }) => [id, []]));
  let turn = 0;
  for (const topic of [...new Set(sorted.flatMap(({ topics }) => topics))].toSorted()) {
    const takers = sorted.filter(({ topics }) => topics.includes(topic));
    for (let partition = 0; partition < partitionsOf(topic); partition++) {
      const taker = takers[turn++ % takers.length];
      if (taker !== undefined) shares.get(taker.id)?.push({ topic, partition });
    }
  }
  return shares;
}
