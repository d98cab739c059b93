import {
  InfraContext,
  type CallOptions,
  type Clock,
  type InfraErrorCode,
  type Logger,
} from '@infra-kit/kernel';
import type {
  ConsumerListener,
  DriverCall,
  MqConsumer,
  MqDriver,
  PartitionOffset,
  TopicPartition,
} from '../drivers/mq-driver.js';
import type { MqConfig } from '../mq.config.js';
import { closedError, type MqPlace } from '../mq.errors.js';
import type { CallRunner } from '../operations/call-runner.js';
import { joinRequest } from '../operations/join-request.js';
import type { SettledOptions } from './settled-options.js';
import { within } from './within.js';

export interface MembershipParts {
  readonly place: MqPlace;
  readonly driver: MqDriver;
  readonly runner: CallRunner;
  readonly settings: () => MqConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: SettledOptions;
  readonly listener: ConsumerListener;
  /** The consumer is over: lets handlers finish before there is another. */
  readonly standDown: () => Promise<void>;
}

const LONGEST_BACKOFF_MS = 30_000;
const CLOSE_LIMIT_MS = 5000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1000;
/** What passes by itself while servers start or a group is shared out. */
const PASSING: ReadonlySet<InfraErrorCode> = new Set(['UNAVAILABLE', 'ABORTED']);

/** Being in a group: joins, and joins anew with backoff when the consumer has crashed, until it is closed. */
export class Membership {
  readonly #parts: MembershipParts;
  readonly #life = new AbortController();
  #topics: readonly string[] = [];
  #consumer: MqConsumer | undefined;
  /** Who may speak: the listener given to the latest join. */
  #epoch = 0;
  #restarting: Promise<void> | undefined;
  #failures = 0;
  state: 'joining' | 'running' | 'restarting' = 'joining';
  restarts = 0;
  lastPollAt: number | undefined;
  lastError: unknown;
  #polledAt: number;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#polledAt = parts.clock.monotonic();
  }

  get consumer(): MqConsumer | undefined {
    return this.#consumer;
  }

  /** For how long nothing has been heard of the consumer, in milliseconds. */
  get silentMs(): number {
    return this.#parts.clock.monotonic() - this.#polledAt;
  }

  async start(topics: readonly string[], options: CallOptions | undefined): Promise<void> {
    this.#topics = topics;
    await this.#join(options);
    this.#polled();
    this.state = 'running';
  }

  async close(): Promise<void> {
    this.#life.abort(closedError(this.#parts.place));
    this.#epoch++;
    await this.#restarting;
    await this.#dismiss();
  }

  /** Tries until it is in, or the limit has passed: a coordinator that is starting refuses at first. */
  async #join(limits: CallOptions | undefined): Promise<void> {
    const { runner, settings, clock } = this.#parts;
    const { joinTimeoutMs: limitMs } = settings().consumer;
    await runner.run('subscribe', { options: limits, limitMs }, async (call) => {
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
        try {
          return await this.#tryToJoin(call);
        } catch (error) {
          const passes = PASSING.has(runner.codeOf(error)) && !this.#life.signal.aborted;
          if (!passes || call.signal.aborted) throw error;
          this.lastError = error;
          await clock.sleep(waitMs, call.signal);
        }
      }
    });
  }

  async #tryToJoin(call: DriverCall): Promise<void> {
    const { driver, settings, place, options } = this.#parts;
    const epoch = ++this.#epoch;
    const current = (): boolean => epoch === this.#epoch;
    const request = joinRequest(settings().consumer, { group: options.group, topics: this.#topics });
    const consumer = await driver.join(request, this.#listener(current), call);
    if (current() && !call.signal.aborted && !this.#life.signal.aborted) {
      this.#consumer = consumer;
      return;
    }
    this.#epoch++;
    await consumer.close(); // it came too late
    throw closedError(place);
  }

  #listener(current: () => boolean): ConsumerListener {
    const { listener } = this.#parts;
    return {
      assigned: async (partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]> =>
        current() ? listener.assigned(partitions) : [],
      records: (batch) => {
        if (!current()) return;
        this.#failures = 0;
        this.#polled();
        listener.records(batch);
      },
      revoked: async () => {
        if (current()) await listener.revoked();
      },
      polled: () => {
        if (current()) this.#polled();
      },
      ended: (error) => {
        if (current()) this.#ended(error);
      },
    };
  }

  #polled(): void {
    const { clock } = this.#parts;
    this.lastPollAt = clock.now();
    this.#polledAt = clock.monotonic();
  }

  #ended(error: unknown): void {
    if (this.#restarting !== undefined || this.#life.signal.aborted) return;
    this.#epoch++;
    this.lastError = error;
    this.state = 'restarting';
    this.#parts.logger.error('a consumer crashed, it joins its group anew', {
      group: this.#parts.options.group,
      err: error,
    });
    this.#restarting = InfraContext.detach(() => this.#restart()).finally(() => {
      this.#restarting = undefined;
    });
  }

  async #restart(): Promise<void> {
    const { clock, logger, options, settings } = this.#parts;
    const { signal } = this.#life;
    await this.#parts.standDown();
    while (!signal.aborted) {
      await this.#dismiss();
      const waitMs = Math.min(
        LONGEST_BACKOFF_MS,
        settings().consumer.restartBackoffMs * 2 ** this.#failures++,
      );
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.#join({ signal });
        this.state = 'running';
        this.restarts++;
        logger.info('a consumer is back in its group', { group: options.group });
        return;
      } catch (error) {
        this.lastError = error;
        logger.warn('a consumer could not join its group, trying again', {
          group: options.group,
          err: error,
        });
      }
    }
  }

  /** The former consumer is closed, as far as it can be; it is not waited for longer than that may take. */
  async #dismiss(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer === undefined) return;
    await within(this.#parts.clock, consumer.close(), CLOSE_LIMIT_MS).catch((error: unknown) =>
      this.#parts.logger.warn('a consumer did not close', { err: error }),
    );
  }
}
