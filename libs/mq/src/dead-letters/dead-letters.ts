import { isInfraError, type CallOptions } from '@infra-kit/kernel';
import { keyOf, lastHeaders, textHeaders } from '../consuming/incoming.js';
import { invalidArgument, shown, type MqPlace } from '../mq.errors.js';
import type { DeadLetter, MqCodec } from '../mq.messages.js';
import type { DeadLetterQuery, DeadLetterSelection, MqDeadLetters } from '../mq.provider.js';
import type { Producer } from '../producing/producer.js';
import { deadLetterTopic, type TopicNames } from '../producing/topic-names.js';
import { DONE_HEADER, plainHeaders, readFailure, redriveHeaders } from './failure-headers.js';
import { readTopic, type PlacedRecord, type ReaderParts } from './topic-reader.js';

export interface DeadLetterParts extends ReaderParts {
  readonly place: MqPlace;
  readonly names: TopicNames;
  readonly producer: Producer;
  readonly codec: MqCodec;
  /** Dead-letter topics that subscriptions here have named for this topic. */
  readonly namedFor: (topic: string) => readonly string[];
}

/** A letter and what it was made from. */
interface Found {
  readonly letter: DeadLetter;
  readonly source: string;
  readonly placed: PlacedRecord;
}

const LIMIT = 100;
/** Letters of one redrive that are sent, then marked, together. */
const CHUNK = 100;
const EMPTY = Buffer.alloc(0);

/** Letters are records of the dead-letter topic; markers in the same topic say which are done with. */
export class DeadLetters implements MqDeadLetters {
  readonly #parts: DeadLetterParts;

  constructor(parts: DeadLetterParts) {
    this.#parts = parts;
  }

  async list(topic: string, query: DeadLetterQuery = {}): Promise<DeadLetter[]> {
    const { limit = LIMIT, after } = query;
    this.#checkLimit(limit);
    const letters = (await this.#open(topic, query)).map(({ letter }) => letter);
    const at = after === undefined ? -1 : letters.findLastIndex(({ id }) => !isBehind(id, after));
    return letters.slice(at + 1, at + 1 + limit);
  }

  redrive(topic: string, selection: DeadLetterSelection = {}): Promise<number> {
    return this.#settle(topic, selection, async (found) => {
      const { producer, names } = this.#parts;
      const envelopes = found.map(({ placed: { record } }) => ({
        key: record.key,
        value: record.value,
        headers: redriveHeaders(record.headers),
        partition: undefined,
        timestamp: undefined,
        bytes: 0,
      }));
      await producer.dispatch(topic, names.full(topic), envelopes, selection);
    });
  }

  discard(topic: string, selection: DeadLetterSelection = {}): Promise<number> {
    return this.#settle(topic, selection, async () => undefined);
  }

  async #settle(
    topic: string,
    selection: DeadLetterSelection,
    act: (found: readonly Found[]) => Promise<void>,
  ): Promise<number> {
    const { filter = () => true, limit = Infinity } = selection;
    this.#checkLimit(limit);
    if (typeof filter !== 'function')
      throw invalidArgument(
        this.#parts.place,
        `deadLetters: filter must be a function, got ${shown(filter)}`,
      );
    const chosen = (await this.#open(topic, selection))
      .filter(({ letter }) => filter(letter))
      .slice(0, limit);
    for (let at = 0; at < chosen.length; at += CHUNK) {
      const chunk = chosen.slice(at, at + CHUNK);
      await act(chunk);
      await this.#mark(chunk, selection);
    }
    return chosen.length;
  }

  async #mark(found: readonly Found[], options: CallOptions): Promise<void> {
    const { producer, names } = this.#parts;
    for (const source of new Set(found.map((each) => each.source))) {
      const done = found.filter((each) => each.source === source);
      const places = done.map(({ placed }) => `${placed.partition}:${placed.record.offset}`);
      const marker = {
        key: null,
        value: Buffer.from(JSON.stringify(places)),
        headers: { [DONE_HEADER]: Buffer.from('1') },
        partition: undefined,
        timestamp: undefined,
        bytes: 0,
      };
      await producer.dispatch(source, names.full(source), [marker], options);
    }
  }

  async #open(topic: string, options: CallOptions): Promise<Found[]> {
    this.#parts.runner.checkOpen();
    this.#parts.names.full(topic);
    const sources = [...new Set([deadLetterTopic(topic), ...this.#parts.namedFor(topic)])];
    const found = await Promise.all(sources.map((source) => this.#read(source, topic, options)));
    return found.flat();
  }

  async #read(source: string, topic: string, options: CallOptions): Promise<Found[]> {
    const placed = await this.#records(source, options);
    const done = new Set(placed.flatMap(({ record }) => markedBy(record)));
    return placed.flatMap((each) => {
      const letter = this.#letter(source, each);
      const over = done.has(`${each.partition}:${each.record.offset}`);
      return letter === undefined || over || letter.topic !== topic ? [] : [{ letter, source, placed: each }];
    });
  }

  /** A topic that nobody has made yet holds nothing. */
  async #records(source: string, { signal, timeoutMs }: CallOptions): Promise<PlacedRecord[]> {
    try {
      return await readTopic(this.#parts, this.#parts.names.full(source), { signal, timeoutMs });
    } catch (error) {
      if (isInfraError(error) && error.code === 'NOT_FOUND') return [];
      throw error;
    }
  }

  #letter(source: string, { partition, record }: PlacedRecord): DeadLetter | undefined {
    const failure = readFailure(record.headers);
    if (failure === undefined) return undefined;
    return {
      id: `${source}:${partition}:${record.offset}`,
      ...failure,
      key: keyOf(record.key),
      value: this.#value(record.value),
      raw: record.value ?? EMPTY,
      headers: textHeaders(lastHeaders(plainHeaders(record.headers))),
    };
  }

  #value(bytes: Buffer | null): unknown {
    if (bytes === null) return null;
    try {
      return this.#parts.codec.decode(bytes);
    } catch {
      return undefined;
    }
  }

  #checkLimit(limit: unknown): void {
    if (limit === Infinity || (Number.isSafeInteger(limit) && Number(limit) >= 0)) return;
    throw invalidArgument(
      this.#parts.place,
      `deadLetters: limit must be a whole number ≥ 0, got ${shown(limit)}`,
    );
  }
}

function markedBy({ headers, value }: PlacedRecord['record']): string[] {
  if (headers[DONE_HEADER] === undefined || value === null) return [];
  try {
    const places: unknown = JSON.parse(value.toString('utf8'));
    return Array.isArray(places) ? places.map(String) : [];
  } catch {
    return []; // not ours
  }
}

/** Whether `id` comes after `other`; ids of another topic come in the order of their names. */
function isBehind(id: string, other: string): boolean {
  const parse = (text: string): [string, number, bigint] => {
    const [, topic = '', partition = '0', offset = '0'] = /^(.*):(\d+):(\d+)$/.exec(text) ?? [];
    return [topic, Number(partition), BigInt(offset)];
  };
  const [a, b] = [parse(id), parse(other)];
  if (a[0] !== b[0]) return a[0] > b[0];
  return a[1] === b[1] ? a[2] > b[2] : a[1] > b[1];
}
