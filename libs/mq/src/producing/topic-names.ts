import { invalidArgument, shown, type MqPlace } from '../mq.errors.js';

const NAME = /^[a-zA-Z0-9._-]+$/;
const LONGEST = 249;

/** Names as callers know them, and as they are on the server: with the prefix. */
export class TopicNames {
  readonly #place: MqPlace;
  readonly #prefix: string;

  constructor(place: MqPlace, prefix: string) {
    this.#place = place;
    this.#prefix = prefix;
  }

  /** The name on the server. INVALID_ARGUMENT for what Kafka takes for no name. */
  full(topic: string): string {
    const name = typeof topic === 'string' ? `${this.#prefix}${topic}` : '';
    if (topic === '' || !NAME.test(name) || name.length > LONGEST || name === '.' || name === '..')
      throw invalidArgument(
        this.#place,
        `topic must be 1 to ${LONGEST} letters, digits, '.', '_' and '-', got ${shown(topic)}`,
      );
    return name;
  }

  /** The caller's name; undefined for a topic that is not under the prefix. */
  own(full: string): string | undefined {
    return full.startsWith(this.#prefix) ? full.slice(this.#prefix.length) : undefined;
  }
}

export const deadLetterTopic = (topic: string): string => `${topic}.dlq`;
export const retryTopic = (topic: string, level: number): string => `${topic}.retry.${level}`;
