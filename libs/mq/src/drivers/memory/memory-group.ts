import { InfraError } from '@infra-kit/kernel';
import { assignPartitions } from '../group-assignment.js';
import type { PartitionOffset, TopicPartition } from '../mq-driver.js';

/** A member as its group sees it. */
export interface MemoryMember {
  readonly id: string;
  readonly topics: readonly string[];
  /** Gives everything back; the group waits for it. */
  release(): Promise<void>;
  take(partitions: readonly TopicPartition[]): Promise<void>;
}

const placeOf = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`;

/** Members, who has what, and the offsets committed. A rebalance takes everything back and shares it out anew. */
export class MemoryGroup {
  readonly #partitionsOf: (topic: string) => number;
  readonly #committed = new Map<string, PartitionOffset>();
  readonly #members = new Map<string, MemoryMember>();
  readonly #holders = new Map<string, string>();
  #rebalancing: Promise<void> = Promise.resolve();

  constructor(partitionsOf: (topic: string) => number) {
    this.#partitionsOf = partitionsOf;
  }

  /** Resolves when the member has its share. */
  async join(member: MemoryMember): Promise<void> {
    this.#members.set(member.id, member);
    await this.#rebalance();
  }

  async leave(id: string): Promise<void> {
    if (!this.#members.delete(id)) return;
    for (const [place, holder] of this.#holders) if (holder === id) this.#holders.delete(place);
    await this.#rebalance();
  }

  get committed(): readonly PartitionOffset[] {
    return [...this.#committed.values()];
  }

  /** FAILED_PRECONDITION when one of them is not the member's. */
  commit(member: string, offsets: readonly PartitionOffset[]): void {
    const lost = offsets.find((offset) => this.#holders.get(placeOf(offset)) !== member);
    if (lost !== undefined)
      throw new InfraError(
        'FAILED_PRECONDITION',
        `partition ${lost.partition} of ${lost.topic} is no longer this member's`,
      );
    this.#store(offsets);
  }

  /** FAILED_PRECONDITION while there are members. */
  set(offsets: readonly PartitionOffset[]): void {
    if (this.#members.size > 0)
      throw new InfraError('FAILED_PRECONDITION', 'the group has members; close them first');
    this.#store(offsets);
  }

  forget(topic: string): void {
    for (const [place, offset] of this.#committed) if (offset.topic === topic) this.#committed.delete(place);
  }

  #store(offsets: readonly PartitionOffset[]): void {
    for (const offset of offsets) this.#committed.set(placeOf(offset), offset);
  }

  /** One after another; each sees the members of its own time. */
  #rebalance(): Promise<void> {
    this.#rebalancing = this.#rebalancing.then(() => this.#shareOut());
    return this.#rebalancing;
  }

  async #shareOut(): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.release()));
    this.#holders.clear();
    const members = [...this.#members.values()];
    const shares = assignPartitions(members, this.#partitionsOf);
    for (const [id, partitions] of shares)
      for (const partition of partitions) this.#holders.set(placeOf(partition), id);
    await Promise.all(members.map((member) => member.take(shares.get(member.id) ?? [])));
  }
}
