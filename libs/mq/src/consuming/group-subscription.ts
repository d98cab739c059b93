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
import { AssignedRuns } from './assigned-runs.js';
import { Committer } from './committer.js';
import { Handling, type AroundHandler } from './handling.js';
import type { Incoming } from './incoming.js';
import { Lanes } from './lanes.js';
import { laneOf } from './lane-of.js';
import { Membership } from './membership.js';
import type { Delivery, PartitionRun } from './partition-run.js';
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

/** A member of a group and what it makes of its partitions: order, offsets, back-pressure, drain. */
export class GroupSubscription implements Subscription, ConsumerListener {
  readonly #parts: SubscriptionParts;
  readonly #handling: Handling;
  readonly #lanes: Lanes<Delivery>;
  readonly #committer: Committer;
  readonly #membership: Membership;
  readonly #runs = new AssignedRuns();
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
      runs: () => this.#runs.all,
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
    this.#consumer?.pause(this.#runs.all);
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
    const place = { topic: full, partition };
    this.#runAt(place, topic);
    const offsetThere = await seekTarget(this.#parts, place, offset);
    const old = this.#runAt(place, topic); // it may have been given away meanwhile
    const start = { ...place, offset: offsetThere };
    this.#runs.move(old, start);
    this.#lanes.drop((delivery) => delivery.run === old);
    this.#consumer?.seek(start);
    this.#relieve(false);
  }

  #runAt(place: TopicPartition, topic: string): PartitionRun {
    const run = this.#runs.at(place);
    if (run !== undefined) return run;
    const what = `seek: partition ${place.partition} of ${topic} is not assigned here`;
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
    return this.#runs.inFlight === 0;
  }

  stats(): SubscriptionStats {
    return subscriptionStats({
      options: this.#parts.options,
      names: this.#parts.names,
      membership: this.#membership,
      counts: this.#handling.counts,
      runs: this.#runs.all,
      inFlight: this.#runs.inFlight,
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
    this.#runs.begin(starts);
    if (options.autoCommit && starts.length > 0) setImmediate(() => this.#committer.touch());
    return starts.map(({ start }) => start);
  }

  records(batch: RecordBatch): void {
    const run = this.#runs.at(batch);
    if (run === undefined || this.#closing !== undefined) return;
    const { concurrency, batchSize } = this.#parts.options;
    const byKey = concurrency > 1 && batchSize === 1;
    for (const delivery of this.#runs.receive(run, batch)) this.#lanes.add(delivery, laneOf(delivery, byKey));
    if (this.#paused || this.#runs.inFlight >= this.#parts.options.maxInFlight) {
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
    this.#runs.end();
    const { group, place } = { group: this.group, place: this.#parts.place.name };
    restartsCounter.add(1, { mq: place, group });
    await this.#drain(this.#parts.settings().consumer.drainMs, true);
  }

  async #close(drainMs: number): Promise<void> {
    this.#consumer?.pause(this.#runs.all);
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
    this.#runs.clear();
    this.#lanes.clear();
    const { place } = this.#parts;
    this.#handling.abortAll(mqError(place, 'CANCELLED', 'the partition is no longer handled here'));
  }

  #finished(delivery: Delivery): void {
    if (!this.#runs.finish(delivery)) return;
    this.#relieve(false);
    if (this.#parts.options.autoCommit) this.#committer.touch();
  }

  /** Fetching goes on when half of what is allowed is unfinished. */
  #relieve(all: boolean): void {
    if (this.#paused) return;
    const runs = this.#runs.relieve(this.#parts.options.maxInFlight / 2, all);
    if (runs.length > 0) this.#consumer?.resume(runs);
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
