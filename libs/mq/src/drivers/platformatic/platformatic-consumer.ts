import { setTimeout as sleep } from 'node:timers/promises';
import { Consumer, type Admin } from '@platformatic/kafka';
import type { KafkaOptions } from '../kafka-options.js';
import type {
  ConsumerListener,
  DriverCall,
  JoinRequest,
  MqConsumer,
  PartitionOffset,
  TopicPartition,
} from '../mq-driver.js';
import { Fetcher } from './fetcher.js';
import { GroupMember } from './group-member.js';
import { isTransient, kafkaErrorOf, telling } from './platformatic.errors.js';
import { clientOptions } from './platformatic.options.js';
import type { Reachability } from './reachability.js';

/** Who leaves is waited for no longer than this: the group notices by itself after the session's timeout. */
const LEAVE_LIMIT_MS = 2000;

export interface ConsumerParts {
  readonly options: KafkaOptions;
  readonly admin: Admin;
  readonly reachability: Reachability;
  readonly request: JoinRequest;
  readonly listener: ConsumerListener;
  readonly closed: (consumer: PlatformaticConsumer) => void;
}

/** A member of a group: joins, beats, fetches, and goes through rebalances. */
export class PlatformaticConsumer implements MqConsumer {
  readonly #parts: ConsumerParts;
  readonly #client: Consumer;
  readonly #member: GroupMember;
  readonly #fetcher: Fetcher;
  readonly #life = new AbortController();
  #assignment = 0;
  /** Between an assignment and the end of its `revoked`. */
  #holds = false;
  #heardAt = 0;
  #lookedAt = performance.now();
  #closing: Promise<void> | undefined;

  constructor(parts: ConsumerParts) {
    const { options, request, listener, reachability } = parts;
    this.#parts = parts;
    this.#client = new Consumer({
      ...clientOptions(options, options.requestTimeoutMs + request.maxWaitMs),
      groupId: request.group,
    });
    reachability.watch(this.#client.connections);
    this.#member = new GroupMember(parts);
    this.#fetcher = new Fetcher({
      client: this.#client,
      request,
      records: (batch) => listener.records(batch),
      polled: () => listener.polled(),
    });
  }

  /** Resolves when the first assignment is read. It leaves the group again when `call` is given up before. */
  async start({ signal }: DriverCall): Promise<void> {
    const giveUp = (): void => void this.close();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const partitions = await this.#member.join(this.#life.signal);
      const first = this.#take(partitions);
      void this.#beat();
      await first;
      signal.throwIfAborted();
    } catch (error) {
      void this.close();
      throw signal.aborted ? signal.reason : telling(error);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#fetcher.pause(partitions);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#fetcher.resume(partitions);
  }

  seek(place: PartitionOffset): void {
    this.#fetcher.seek(place);
  }

  async commit(offsets: readonly PartitionOffset[], { signal }: DriverCall): Promise<void> {
    const assignment = this.#assignment;
    for (;;) {
      signal.throwIfAborted();
      if (!this.#holds || assignment !== this.#assignment)
        throw new Error('the group has given the partitions away');
      try {
        return await this.#member.commit(offsets);
      } catch (error) {
        if (!isTransient(error)) throw telling(error);
        await sleep(100, undefined, { signal });
      }
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#life.abort(new Error('the consumer is closed'));
    this.#assignment++;
    this.#holds = false;
    this.#fetcher.stop();
    const left = this.#member.leave().catch(() => undefined);
    await Promise.race([left, sleep(LEAVE_LIMIT_MS, undefined, { ref: false })]);
    await Promise.allSettled([this.#member.close(), this.#client.close(true)]);
    this.#parts.closed(this);
  }

  /** What this member has now; its offsets come later, and may come too late. */
  async #take(partitions: readonly TopicPartition[]): Promise<void> {
    const assignment = ++this.#assignment;
    this.#holds = true;
    const starts = await this.#parts.listener.assigned(partitions);
    if (assignment === this.#assignment) this.#fetcher.start(starts);
  }

  async #beat(): Promise<void> {
    const { request, listener } = this.#parts;
    const { signal } = this.#life;
    this.#heardAt = performance.now();
    try {
      for (;;) {
        await sleep(request.heartbeatIntervalMs, undefined, { signal });
        await this.#heartbeat();
        await this.#lookForPartitions();
        if (this.#fetcher.idle) listener.polled();
      }
    } catch (error) {
      this.#end(error);
    }
  }

  /** Servers that do not answer are waited for as long as they would wait for this member. */
  async #heartbeat(): Promise<void> {
    try {
      await this.#member.heartbeat();
      this.#heardAt = performance.now();
    } catch (error) {
      if (kafkaErrorOf(error) === 'REBALANCE_IN_PROGRESS') return this.#rebalance();
      const silentMs = performance.now() - this.#heardAt;
      if (!isTransient(error) || silentMs > this.#parts.request.sessionTimeoutMs) throw error;
    }
  }

  /** Partitions may be added: the leader joins again then, and with it the group. */
  async #lookForPartitions(): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt < this.#parts.request.sessionTimeoutMs) return;
    this.#lookedAt = now;
    const outgrown = await this.#member.outgrown().catch(() => false); // the next look may know
    if (outgrown) await this.#rebalance();
  }

  async #rebalance(): Promise<void> {
    this.#fetcher.stop();
    await this.#parts.listener.revoked();
    this.#holds = false;
    const partitions = await this.#member.join(this.#life.signal);
    this.#heardAt = performance.now();
    void this.#take(partitions);
  }

  #end(error: unknown): void {
    if (this.#life.signal.aborted) return;
    this.#assignment++;
    this.#holds = false;
    this.#fetcher.stop();
    this.#parts.listener.ended(telling(error));
  }
}
