import { isInfraError } from '@infra-kit/kernel';
import type { MqDriver, NewTopic } from '../drivers/mq-driver.js';
import type { MqConfig } from '../mq.config.js';
import { mqError, type MqPlace } from '../mq.errors.js';
import type { CallRunner } from '../operations/call-runner.js';

/** How long a number of partitions is believed: partitions may be added while messages are sent. */
const BELIEVED_MS = 60_000;

interface Known {
  readonly partitions: Promise<number>;
  readonly until: number;
}

/** Which topics there are and how many partitions they have, by the names of the server; makes what is missing. */
export class TopicBook {
  readonly #driver: MqDriver;
  readonly #runner: CallRunner;
  readonly #place: MqPlace;
  readonly #settings: () => MqConfig;
  readonly #known = new Map<string, Known>();

  constructor(driver: MqDriver, runner: CallRunner, place: MqPlace, settings: () => MqConfig) {
    this.#driver = driver;
    this.#runner = runner;
    this.#place = place;
    this.#settings = settings;
  }

  /**
   * How many partitions; a topic that is missing is made with `like` partitions where the configuration says so, else
   * NOT_FOUND. Asked of the server once a minute.
   */
  partitions(topic: string, like = this.#settings().defaultPartitions): Promise<number> {
    const known = this.#known.get(topic);
    const now = performance.now();
    if (known !== undefined && known.until > now) return known.partitions;
    const partitions = this.#ask(topic, like);
    this.#known.set(topic, { partitions, until: now + BELIEVED_MS });
    partitions.catch(() => this.forget(topic));
    return partitions;
  }

  forget(topic: string): void {
    this.#known.delete(topic);
  }

  async #ask(topic: string, like: number): Promise<number> {
    try {
      return await this.#count(topic);
    } catch (error) {
      if (!isInfraError(error) || error.code !== 'NOT_FOUND') throw error;
      if (this.#settings().createTopics !== true)
        throw mqError(
          this.#place,
          'NOT_FOUND',
          `there is no topic ${topic}; create it, or let it be made: createTopics: true`,
          { cause: error },
        );
    }
    await this.#create({ name: topic, partitions: like, replication: 1, config: {} });
    return this.#count(topic);
  }

  #count(topic: string): Promise<number> {
    return this.#runner.run('admin.partitionCount', {}, (call) =>
      this.#driver.admin.partitionCount(topic, call),
    );
  }

  /** Another process may have been quicker. */
  async #create(topic: NewTopic): Promise<void> {
    try {
      await this.#runner.run('admin.createTopic', {}, (call) => this.#driver.admin.createTopic(topic, call));
    } catch (error) {
      if (!isInfraError(error) || error.code !== 'ALREADY_EXISTS') throw error;
    }
  }
}
