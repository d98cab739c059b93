import type { Timer } from '@infra-kit/kernel';
import type {
  ConsumerListener,
  JoinRequest,
  MqConsumer,
  PartitionOffset,
  TopicPartition,
} from '../mq-driver.js';
import type { MemoryBroker } from './memory-broker.js';
import type { MemoryGroup, MemoryMember } from './memory-group.js';
import type { MemoryPartition } from './memory-partition.js';

const BATCH = 500;

/** Where a member stands in one of its partitions. */
interface Position extends TopicPartition {
  readonly log: MemoryPartition;
  offset: bigint;
  paused: boolean;
  readonly wake: () => void;
}

const placeOf = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`;

/** A member of a group in memory: delivers in turns of the event loop, so that a handler's work comes in between. */
export class MemoryConsumer implements MqConsumer, MemoryMember {
  readonly id: string;
  readonly topics: readonly string[];
  readonly #broker: MemoryBroker;
  readonly #group: MemoryGroup;
  readonly #listener: ConsumerListener;
  readonly #positions = new Map<string, Position>();
  readonly #due = new Set<Position>();
  #turn: NodeJS.Immediate | undefined;
  readonly #pulse: Timer;
  #holds = false;
  #closed = false;
  #left: Promise<void> | undefined;

  constructor(id: string, broker: MemoryBroker, request: JoinRequest, listener: ConsumerListener) {
    this.id = id;
    this.topics = request.topics;
    this.#broker = broker;
    this.#group = broker.group(request.group);
    this.#listener = listener;
    this.#pulse = broker.clock.setInterval(() => listener.polled(), request.heartbeatIntervalMs);
    this.#pulse.unref();
  }

  async release(): Promise<void> {
    this.#stop();
    if (!this.#holds || this.#closed) return;
    this.#holds = false;
    await this.#listener.revoked();
  }

  async take(partitions: readonly TopicPartition[]): Promise<void> {
    if (this.#closed) return;
    this.#holds = true;
    const starts = await this.#listener.assigned(partitions);
    if (!this.#holds || this.#closed) return;
    for (const start of starts) this.#open(start);
    this.#listener.polled();
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const position of this.#known(partitions)) position.paused = true;
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const position of this.#known(partitions)) {
      position.paused = false;
      this.#schedule(position);
    }
  }

  seek(place: PartitionOffset): void {
    for (const position of this.#known([place])) {
      position.offset = place.offset;
      this.#schedule(position);
    }
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    this.#group.commit(this.id, offsets);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#pulse[Symbol.dispose]();
    this.#stop();
    this.#left ??= this.#group.leave(this.id);
    return this.#left;
  }

  #open({ topic, partition, offset }: PartitionOffset): void {
    const log = this.#broker.partition(topic, partition);
    const position: Position = {
      topic,
      partition,
      log,
      offset,
      paused: false,
      wake: () => this.#schedule(position),
    };
    this.#positions.set(placeOf(position), position);
    this.#schedule(position);
  }

  #stop(): void {
    for (const { log, wake } of this.#positions.values()) log.offAppend(wake);
    this.#positions.clear();
    this.#due.clear();
    clearImmediate(this.#turn);
    this.#turn = undefined;
  }

  #known(partitions: readonly TopicPartition[]): Position[] {
    return partitions
      .map((partition) => this.#positions.get(placeOf(partition)))
      .filter((position) => position !== undefined);
  }

  #schedule(position: Position): void {
    this.#due.add(position);
    this.#turn ??= setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    this.#turn = undefined;
    const due = [...this.#due];
    this.#due.clear();
    this.#listener.polled();
    for (const position of due) if (this.#positions.get(placeOf(position)) === position) this.#next(position);
  }

  #next(position: Position): void {
    if (position.paused) return; // `resume` schedules it
    const { topic, partition, log } = position;
    const records = log.read(position.offset, BATCH);
    const last = records.at(-1);
    if (last === undefined) {
      log.onAppend(position.wake);
      return;
    }
    position.offset = last.offset + 1n;
    this.#schedule(position);
    this.#listener.records({ topic, partition, records, highWatermark: log.high });
  }
}
