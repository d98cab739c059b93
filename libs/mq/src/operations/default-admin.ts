import type { CallOptions } from '@infra-kit/kernel';
import type { MqDriver, PartitionOffset } from '../drivers/mq-driver.js';
import { checkGroup, invalidArgument, shown, type MqPlace } from '../mq.errors.js';
import type { PartitionLag } from '../mq.messages.js';
import type { MqAdmin, PartitionOffsets, TopicOptions } from '../mq.provider.js';
import type { TopicBook } from '../producing/topic-book.js';
import type { TopicNames } from '../producing/topic-names.js';
import type { CallRunner } from './call-runner.js';
import { lagOf } from './lag.js';

export interface AdminParts {
  readonly place: MqPlace;
  readonly driver: MqDriver;
  readonly runner: CallRunner;
  readonly names: TopicNames;
  readonly topics: TopicBook;
}

export class DefaultMqAdmin implements MqAdmin {
  readonly #parts: AdminParts;

  constructor(parts: AdminParts) {
    this.#parts = parts;
  }

  async createTopic(name: string, topic: TopicOptions = {}, options?: CallOptions): Promise<void> {
    const { runner, driver, names, topics } = this.#open();
    const { partitions = 1, replication = 1, config = {} } = topic;
    const full = names.full(name);
    this.#checkCount('partitions', partitions);
    this.#checkCount('replication', replication);
    const texts = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, String(value)]));
    await runner.run(`createTopic ${name}`, { options }, (call) =>
      driver.admin.createTopic({ name: full, partitions, replication, config: texts }, call),
    );
    topics.forget(full);
  }

  async deleteTopic(name: string, options?: CallOptions): Promise<void> {
    const { runner, driver, names, topics } = this.#open();
    const full = names.full(name);
    await runner.run(`deleteTopic ${name}`, { options }, (call) => driver.admin.deleteTopic(full, call));
    topics.forget(full);
  }

  async topics(options?: CallOptions): Promise<string[]> {
    const { runner, driver, names } = this.#open();
    const all = await runner.run('topics', { options }, (call) => driver.admin.topics(call));
    return all
      .map((full) => names.own(full))
      .filter((name) => name !== undefined)
      .toSorted();
  }

  async lag(group: string, options?: CallOptions): Promise<PartitionLag[]> {
    const parts = this.#open();
    checkGroup(this.#parts.place, group);
    return lagOf(parts, group, undefined, options);
  }

  async resetOffsets(
    group: string,
    topic: string,
    to: 'earliest' | 'latest' | Date | PartitionOffsets,
    options?: CallOptions,
  ): Promise<void> {
    const { runner, driver, names } = this.#open();
    checkGroup(this.#parts.place, group);
    const full = names.full(topic);
    const given = this.#given(full, to);
    await runner.run('resetOffsets', { options }, async (call) => {
      const bounds = await driver.admin.bounds(full, call);
      const offsets =
        given ??
        (to instanceof Date
          ? await driver.admin.offsetsAt(full, to.getTime(), call)
          : bounds.map(({ partition, low, high }) => ({
              topic: full,
              partition,
              offset: to === 'earliest' ? low : high,
            })));
      const unknown = offsets.find((each) => bounds.every(({ partition }) => partition !== each.partition));
      if (unknown !== undefined)
        throw invalidArgument(
          this.#parts.place,
          `resetOffsets: ${topic} has no partition ${unknown.partition}`,
        );
      await driver.admin.setCommitted(group, offsets, call);
    });
  }

  #open(): AdminParts {
    this.#parts.runner.checkOpen();
    return this.#parts;
  }

  /** Undefined where the server has to be asked. */
  #given(full: string, to: unknown): PartitionOffset[] | undefined {
    if (to === 'earliest' || to === 'latest') return undefined;
    if (to instanceof Date && !Number.isNaN(to.getTime())) return undefined;
    const refuse = (): never => {
      throw invalidArgument(
        this.#parts.place,
        `resetOffsets: to must be 'earliest', 'latest', a Date or offsets by partition, got ${shown(to)}`,
      );
    };
    if (typeof to !== 'object' || to === null || to instanceof Date) return refuse();
    return Object.entries(to as Record<string, unknown>).map(([partition, offset]) => {
      const whole = typeof offset === 'bigint' || Number.isSafeInteger(offset);
      if (!whole || !/^\d+$/.test(partition) || BigInt(offset as bigint | number) < 0n) return refuse();
      return { topic: full, partition: Number(partition), offset: BigInt(offset as bigint | number) };
    });
  }

  #checkCount(field: string, value: unknown): void {
    if (!Number.isSafeInteger(value) || Number(value) < 1 || Number(value) > 100_000)
      throw invalidArgument(
        this.#parts.place,
        `createTopic: ${field} must be a whole number ≥ 1, got ${shown(value)}`,
      );
  }
}
