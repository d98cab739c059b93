import { InfraContext, type CallOptions, type Clock, type Logger } from '@infra-kit/kernel';
import type {
  ConsumerListener,
  MqConsumer,
  MqDriver,
  PartitionOffset,
  RecordBatch,
  TopicPartition,
} from '../drivers/mq-driver.js';
import type { MqConfig } from '../mq.config.js';
import { mqError, type MqPlace } from '../mq.errors.js';
import type { MessageContext, PartitionLag, Subscription, SubscriptionStats } from '../mq.messages.js';
import { rebalancesCounter, restartsCounter } from '../mq.telemetry.js';
import type { CallRunner } from '../operations/call-runner.js';
import { lagOf } from '../operations/lag.js';
import type { Producer } from '../producing/producer.js';
import type { TopicBook } from '../producing/topic-book.js';
import type { TopicNames } from '../producing/topic-names.js';
import { Committer } from './committer.js';
import { Handling, type AroundHandler } from './handling.js';
import type { Incoming } from './incoming.js';
import { Lanes } from './lanes.js';
import { laneOf } from './lane-of.js';
import { Membership } from './membership.js';
import { PartitionRun, type Delivery } from './partition-run.js';
import type { SettledOptions } from './settled-options.js';
import { seekTarget } from './seek-target.js';
import { subscriptionStats } from './subscription-stats.js';
import { startingOffsets } from './starting-offsets.js';
import { within } from './within.js';

export interface SubscriptionParts {
  readonly place: MqPlace;
  readonly driver: MqDriver;
  readonly runner: CallRunner;
  readonly names: TopicNames;
  readonly topics: TopicBook;
  readonly producer: Producer;
  readonly settings: () => MqConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: SettledOptions;
  readonly handler: (messages: readonly Incoming[], context: MessageContext) => Promise<void>;
  readonly around: AroundHandler | undefined;
  readonly onClosed: (subscription: GroupSubscription) => void;
}

const placeKey = ({ topic, partition }: TopicPartition): string => `${partition}:${topic}`;

/** A member of a group and what it makes of its partitions: order, offsets, back-pressure, drain. */
export class GroupSubscription implements Subscription, ConsumerListener {
  readonly #parts: SubscriptionParts;
  readonly #handling: Handling;
  readonly #lanes: Lanes<Delivery>;
  readonly #committer: Committer;
  readonly #membership: Membership;
  #runs = new Map<string, PartitionRun>();
  #inFlight = 0;
  #paused = false;
  #assignment = 0;
  #closing: Promise<void> | undefined;
  #closed = false;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    const { clock, logger, settings, options } = parts;
    this.#handling = new Handling({
      ...parts,
      intake: { pause: (ms) => this.#pauseFor(ms) },
      finished: (delivery) => this.#finished(delivery),
    });
    const { concurrency: slots, batchSize: batch } = options;
    this.#lanes = new Lanes({ clock, slots, batch, run: (items) => this.#handling.run(items) });
    this.#committer = new Committer({
      clock,
      logger,
      intervalMs: () => settings().consumer.commitIntervalMs,
      runs: () => this.#runs.values(),
      commit: (offsets) => this.#commit(offsets),
    });
    this.#membership = new Membership({
      ...parts,
      listener: this,
      standDown: () => this.#standDown(),
    });
  }

  get group(): string {
    return this.#parts.options.group;
  }
  get topics(): readonly string[] {
    return this.#parts.options.topics;
  }
  get membership(): Membership {
    return this.#membership;
  }

  /** Joins the group, outside any request's context: it outlives who subscribed. */
  async start(topics: readonly string[], options: CallOptions | undefined): Promise<void> {
    await InfraContext.detach(() => this.#membership.start(topics, options));
    if (this.#parts.options.autoCommit) await this.#committer.now();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#lanes.hold();
    this.#consumer?.pause([...this.#runs.values()]);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#lanes.release();
    this.#relieve(true);
  }

  async seek(topic: string, partition: number, offset: bigint | number): Promise<void> {
    this.#parts.runner.checkOpen();
    const full = this.#parts.names.full(topic);
    const key = placeKey({ topic: full, partition });
    this.#runAt(key, topic, partition);
    const start = await seekTarget(this.#parts, { topic: full, partition }, offset);
    const old = this.#runAt(key, topic, partition);
    const run = new PartitionRun({ topic: full, partition }, start, old.committed);
    run.highWatermark = old.highWatermark;
    run.pressed = old.pressed;
    old.live = false;
    this.#inFlight -= old.unfinished;
    this.#runs.set(key, run);
    this.#lanes.drop((delivery) => delivery.run === old);
    this.#consumer?.seek({ topic: full, partition, offset: start });
    this.#relieve(false);
  }

  #runAt(key: string, topic: string, partition: number): PartitionRun {
    const run = this.#runs.get(key);
    if (run !== undefined) return run;
    const what = `seek: partition ${partition} of ${topic} is not assigned here`;
    throw mqError(this.#parts.place, 'NOT_FOUND', what);
  }

  async commit(options?: CallOptions): Promise<void> {
    this.#parts.runner.checkOpen();
    await this.#parts.runner.run('commit', { options }, () => this.#committer.now());
  }

  async lag(options?: CallOptions): Promise<PartitionLag[]> {
    this.#parts.runner.checkOpen();
    return lagOf(this.#parts, this.group, this.topics, options);
  }

  /** True when nothing that was received is unfinished. */
  get idle(): boolean {
    return this.#inFlight === 0;
  }

  stats(): SubscriptionStats {
    return subscriptionStats({
      options: this.#parts.options,
      names: this.#parts.names,
      membership: this.#membership,
      counts: this.#handling.counts,
      runs: [...this.#runs.values()],
      inFlight: this.#inFlight,
      running: this.#lanes.running,
      paused: this.#paused,
      closed: this.#closed,
    });
  }

  close(options: { readonly drainMs?: number | undefined } = {}): Promise<void> {
    this.#closing ??= InfraContext.detach(() =>
      this.#close(options.drainMs ?? this.#parts.settings().consumer.drainMs),
    );
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // what the driver tells, by way of the membership

  async assigned(partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]> {
    const assignment = ++this.#assignment;
    this.#abandon();
    const { options, names, place } = this.#parts;
    rebalancesCounter.add(1, { mq: place.name, group: this.group });
    const origins = new Set(options.topics.map((topic) => names.full(topic)));
    const current = (): boolean => assignment === this.#assignment && this.#closing === undefined;
    const starts = await startingOffsets(this.#parts, { partitions, origins, current });
    if (!current()) return [];
    for (const { start, committed } of starts)
      this.#runs.set(placeKey(start), new PartitionRun(start, start.offset, committed));
    if (options.autoCommit && starts.length > 0) setImmediate(() => this.#committer.touch());
    return starts.map(({ start }) => start);
  }

  records(batch: RecordBatch): void {
    const run = this.#runs.get(placeKey(batch));
    if (run === undefined || this.#closing !== undefined) return;
    run.highWatermark = batch.highWatermark;
    const { concurrency, batchSize } = this.#parts.options;
    const byKey = concurrency > 1 && batchSize === 1;
    const deliveries = run.take(batch.records);
    this.#inFlight += deliveries.length;
    for (const delivery of deliveries) this.#lanes.add(delivery, laneOf(delivery, byKey));
    if (this.#paused || this.#inFlight >= this.#parts.options.maxInFlight) {
      run.pressed = true;
      this.#consumer?.pause([run]);
    }
    this.#lanes.go();
  }

  async revoked(): Promise<void> {
    const { sessionTimeoutMs, rebalanceTimeoutMs, drainMs } = this.#parts.settings().consumer;
    await this.#drain(Math.min(drainMs, sessionTimeoutMs / 2, rebalanceTimeoutMs / 2), this.#paused);
  }

  polled(): void {
    // the membership notes it
  }

  ended(): void {
    // the membership joins anew
  }

  get #consumer(): MqConsumer | undefined {
    return this.#membership.consumer;
  }

  /** The membership is gone, commits with it: running handlers may finish, for what it is worth. */
  async #standDown(): Promise<void> {
    this.#assignment++;
    for (const run of this.#runs.values()) run.live = false;
    const { group, place } = { group: this.group, place: this.#parts.place.name };
    restartsCounter.add(1, { mq: place, group });
    await this.#drain(this.#parts.settings().consumer.drainMs, true);
  }

  async #close(drainMs: number): Promise<void> {
    this.#consumer?.pause([...this.#runs.values()]);
    await this.#drain(drainMs, false);
    this.#committer.stop();
    await this.#membership.close();
    this.#closed = true;
    this.#parts.onClosed(this);
  }

  /**
   * Running handlers have until the limit, and so have messages before them: only so does nothing come again that was
   * finished. The rest is forgotten, what is finished is committed. `still`: nothing starts any more.
   */
  async #drain(limitMs: number, still: boolean): Promise<void> {
    this.#lanes.hold();
    this.#lanes.drop((delivery) => still || !delivery.run.isGap(delivery));
    await within(this.#parts.clock, still ? this.#lanes.idle() : this.#lanes.finish(), limitMs);
    if (this.#parts.options.autoCommit)
      await within(this.#parts.clock, this.#committer.now(), this.#parts.settings().requestTimeoutMs).catch(
        (error: unknown) => this.#parts.logger.warn('offsets were not committed', { err: error }),
      );
    this.#abandon();
    this.#lanes.release();
  }

  /** What is unfinished no longer counts here: it comes again, to whoever has the partition then. */
  #abandon(): void {
    for (const run of this.#runs.values()) run.live = false;
    this.#runs = new Map();
    this.#inFlight = 0;
    this.#lanes.clear();
    const { place } = this.#parts;
    this.#handling.abortAll(mqError(place, 'CANCELLED', 'the partition is no longer handled here'));
  }

  #finished(delivery: Delivery): void {
    const { run } = delivery;
    if (!run.live) return;
    run.finish(delivery);
    this.#inFlight--;
    this.#relieve(false);
    if (this.#parts.options.autoCommit) this.#committer.touch();
  }

  /** Fetching goes on when half of what is allowed is unfinished. */
  #relieve(all: boolean): void {
    if (this.#paused || this.#inFlight > this.#parts.options.maxInFlight / 2) return;
    const runs = [...this.#runs.values()].filter(({ pressed }) => pressed || all);
    if (runs.length === 0) return;
    for (const run of runs) run.pressed = false;
    this.#consumer?.resume(runs);
  }

  async #pauseFor(ms: number): Promise<void> {
    this.#lanes.hold();
    try {
      await this.#parts.clock.sleep(ms);
    } finally {
      this.#lanes.release();
    }
  }

  async #commit(offsets: readonly PartitionOffset[]): Promise<void> {
    const consumer = this.#consumer;
    if (consumer === undefined) return Promise.reject(new Error('the group is not joined'));
    await this.#parts.runner.run('commit', {}, (call) => consumer.commit(offsets, call));
  }
}
