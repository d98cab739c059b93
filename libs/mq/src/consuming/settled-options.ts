import type { MqConfig } from '../mq.config.js';
import { codecOf, isCodecOption } from '../codecs/codecs.js';
import { invalidArgument, shown, type MqPlace } from '../mq.errors.js';
import type { BatchSubscribeOptions, MqCodec, SubscribeOptions } from '../mq.messages.js';
import { deadLetterTopic, retryTopic, type TopicNames } from '../producing/topic-names.js';
import { retrySettled, type SettledRetry } from './retry-plan.js';

/** A subscription's options with nothing left open; topics by the names callers know. */
export interface SettledOptions {
  readonly topics: readonly string[];
  readonly group: string;
  readonly fromBeginning: boolean;
  readonly concurrency: number;
  readonly retry: SettledRetry;
  /** Where a message of this origin topic goes in the end. */
  readonly deadLetterOf: (topic: string) => string | undefined;
  /** All levels, of a topic. */
  readonly retryTopicsOf: (topic: string) => readonly string[];
  readonly codec: MqCodec;
  readonly schema: (new () => object) | undefined;
  readonly autoCommit: boolean;
  readonly maxInFlight: number;
  readonly handlerTimeoutMs: number;
  /** Messages a run of the handler, at most. */
  readonly batchSize: number;
}

const LONGEST_MS = 2 ** 31 - 1;
const HANDLER_TIMEOUT_MS = 300_000;
const MAX_IN_FLIGHT = 1000;
const BATCH_SIZE = 100;

export function settleOptions(
  place: MqPlace,
  names: TopicNames,
  config: MqConfig,
  given: { readonly topics: unknown; readonly options: BatchSubscribeOptions; readonly batches: boolean },
): SettledOptions {
  const { options, batches } = given;
  if (typeof options !== 'object' || options === null)
    throw invalidArgument(place, `subscribe: options must be an object, got ${shown(options)}`);
  const refuse = (what: string): never => {
    throw invalidArgument(place, `subscribe: ${what}`);
  };
  const whole = (name: keyof BatchSubscribeOptions, fallback: number, least = 1): number => {
    const value: unknown = options[name] ?? fallback;
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= LONGEST_MS
      ? value
      : refuse(`${name} must be a whole number ≥ ${least}, got ${shown(value)}`);
  };
  const { group } = options;
  if (typeof group !== 'string' || group === '') refuse(`group must be a name, got ${shown(group)}`);
  const topics = [...new Set((Array.isArray(given.topics) ? given.topics : [given.topics]) as string[])];
  if (topics.length === 0) refuse('topics must name at least one');
  for (const topic of topics) names.full(topic);
  checkKinds(options, refuse);
  const deadLetterOf = deadLettersOf(options, config);
  for (const topic of topics) {
    const dead = deadLetterOf(topic);
    if (dead !== undefined) names.full(dead);
    if (dead === topic) refuse(`deadLetter: ${topic} cannot be its own dead-letter topic`);
  }
  const retry = checkedRetry(place, retrySettled(options.retry, config.retry));
  return {
    topics,
    group,
    fromBeginning: options.fromBeginning ?? false,
    concurrency: whole('concurrency', 1),
    retry,
    deadLetterOf,
    retryTopicsOf: (topic) =>
      retry.mode === 'in-place'
        ? []
        : Array.from({ length: retry.attempts - 1 }, (_, index) => retryTopic(topic, index + 1)),
    codec: codecOf(options.codec ?? config.codec),
    schema: options.schema,
    autoCommit: options.autoCommit ?? true,
    maxInFlight: whole('maxInFlight', MAX_IN_FLIGHT),
    handlerTimeoutMs: whole('handlerTimeoutMs', HANDLER_TIMEOUT_MS),
    batchSize: batches ? whole('batchSize', BATCH_SIZE) : 1,
  };
}

/** What a caller without types may get wrong; left alone, each would be taken for something else. */
function checkKinds(options: BatchSubscribeOptions, refuse: (what: string) => never): void {
  const kinds: Readonly<Record<string, readonly [kind: string, fits: (value: unknown) => boolean]>> = {
    fromBeginning: ['true or false', isBoolean],
    autoCommit: ['true or false', isBoolean],
    deadLetter: ["true, false or a topic's name", (value) => isBoolean(value) || typeof value === 'string'],
    retry: ['an object', (value) => typeof value === 'object' && value !== null],
    schema: ['a class', (value) => typeof value === 'function'],
    codec: ["'json', 'raw' or an object with encode and decode", isCodecOption],
  };
  for (const [name, [kind, fits]] of Object.entries(kinds)) {
    const value: unknown = Reflect.get(options, name);
    if (value !== undefined && !fits(value)) refuse(`${name} must be ${kind}, got ${shown(value)}`);
  }
}

const isBoolean = (value: unknown): boolean => typeof value === 'boolean';

function deadLettersOf(
  { deadLetter }: SubscribeOptions,
  config: MqConfig,
): (topic: string) => string | undefined {
  const wanted = deadLetter ?? config.deadLetter;
  if (wanted === false) return () => undefined;
  return typeof wanted === 'string' ? () => wanted : deadLetterTopic;
}

function checkedRetry(place: MqPlace, retry: SettledRetry): SettledRetry {
  const within = (name: keyof SettledRetry, least: number, most: number, integer: boolean): void => {
    const value = retry[name];
    const fits = typeof value === 'number' && value >= least && value <= most;
    if (!fits || (integer && !Number.isInteger(value)))
      throw invalidArgument(
        place,
        `subscribe: retry.${name} must be ${least} to ${most}, got ${shown(value)}`,
      );
  };
  within('attempts', 1, 1000, true);
  within('backoffMs', 0, LONGEST_MS, false);
  within('maxBackoffMs', 0, LONGEST_MS, false);
  within('factor', 1, 100, false);
  within('jitter', 0, 1, false);
  if (retry.mode !== 'in-place' && retry.mode !== 'topics')
    throw invalidArgument(
      place,
      `subscribe: retry.mode must be 'in-place' or 'topics', got ${shown(retry.mode)}`,
    );
  if (retry.fatal !== undefined && typeof retry.fatal !== 'function')
    throw invalidArgument(place, `subscribe: retry.fatal must be a function, got ${shown(retry.fatal)}`);
  return retry;
}
