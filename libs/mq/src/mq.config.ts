import { Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  MinLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { isProductionLike } from '@infra-kit/kernel';
import type { MqDriver } from './drivers/mq-driver.js';
import { MqSaslConfig, MqTlsConfig } from './mq-access.config.js';

const LONGEST_MS = 2 ** 31 - 1;

/** A host's name or address, and a port of 1 to 65535. */
const BROKER = /^[^\s,:/]+:([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/;

export class MqProducerConfig {
  /** Who must have a message before it counts as sent: every replica in sync, the leader, nobody. */
  @IsIn(['all', 'leader', 'none'])
  acks: 'all' | 'leader' | 'none' = 'all';

  /** The client's own repeats write nothing twice; needs `acks: 'all'`. Default: true with `acks: 'all'`. */
  @IsBoolean()
  idempotent = true;

  /** How long `sendAsync` waits for company. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  lingerMs = 5;

  /** Most bytes of one request to a topic, keys, values and headers; also the largest message. */
  @IsInt()
  @Min(1024)
  batchBytes = 900_000;

  @IsIn(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
  compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd' = 'none';

  /** Bytes of unacknowledged messages beyond which `sendAsync` refuses. Hot. */
  @IsInt()
  @Min(1024)
  maxBufferedBytes = 32 * 1024 * 1024;

  /** Limit for one send, all tries included. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  timeoutMs = 30_000;
}

export class MqConsumerConfig {
  /** A member that is silent for so long has left its group. */
  @IsInt()
  @Min(1000)
  @Max(LONGEST_MS)
  sessionTimeoutMs = 30_000;

  @IsInt()
  @Min(100)
  @Max(LONGEST_MS)
  heartbeatIntervalMs = 3000;

  /** How long a rebalance waits for members. */
  @IsInt()
  @Min(1000)
  @Max(LONGEST_MS)
  rebalanceTimeoutMs = 60_000;

  /** Most bytes of one fetch. */
  @IsInt()
  @Min(1024)
  maxBytes = 10 * 1024 * 1024;

  @IsInt()
  @Min(1024)
  maxBytesPerPartition = 1024 * 1024;

  /** Longest a fetch waits for messages; what is there comes at once. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  maxWaitMs = 500;

  /** Offsets are committed at most so often. Hot. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  commitIntervalMs = 200;

  /** Limit for `subscribe`, and for each later try to join. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  joinTimeoutMs = 30_000;

  /** How long running handlers may take to finish when a subscription closes. Hot. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  drainMs = 10_000;

  /** A consumer that has not polled for so long makes health `down`. Hot. */
  @IsInt()
  @Min(1000)
  @Max(LONGEST_MS)
  silenceMs = 10_000;

  /** Before a crashed consumer joins again; doubled each time, up to 30 s. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  restartBackoffMs = 500;
}

/** The retry policy of subscriptions that name none, field by field. */
export class MqRetryConfig {
  @IsInt()
  @Min(1)
  @Max(1000)
  attempts = 3;

  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  backoffMs = 500;

  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  maxBackoffMs = 30_000;

  @IsNumber()
  @Min(1)
  @Max(100)
  factor = 2;

  @IsNumber()
  @Min(0)
  @Max(1)
  jitter = 0.2;

  @IsIn(['in-place', 'topics'])
  mode: 'in-place' | 'topics' = 'in-place';
}

/** Configuration of an mq. Durations are milliseconds, or texts like '30s'. */
export class MqConfig {
  /** `memory`, `kafka`, or a ready driver, which stays its giver's to close. Default: `kafka` where there are brokers. */
  @IsOptional()
  @IsIn(['memory', 'kafka'], { message: "driver must be 'memory', 'kafka' or an MqDriver" })
  driver: 'memory' | 'kafka' | MqDriver | undefined;

  /** The client library for Kafka; each is an optional package. */
  @IsIn(['kafkajs', 'platformatic'])
  client: 'kafkajs' | 'platformatic' = 'kafkajs';

  /** `host:port` of some brokers; a list, or one text with commas. Default: KAFKA_BROKERS. */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @IsString({ each: true })
  @Matches(BROKER, { each: true, message: 'brokers are written host:port, the port 1 to 65535' })
  brokers: readonly string[] | undefined;

  /** Who this is in the broker's logs. Default: the service's name. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  clientId: string | undefined;

  @IsOptional()
  @ValidateNested()
  @Type(() => MqSaslConfig)
  sasl: MqSaslConfig | undefined;

  /** `true`, or certificates. */
  @ValidateIf((config: MqConfig) => config.tls !== undefined && typeof config.tls !== 'boolean')
  @ValidateNested()
  @Type(() => MqTlsConfig)
  tls: boolean | MqTlsConfig | undefined;

  /** Limit for one attempt to connect. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  connectTimeoutMs = 5000;

  /** Limit for one call of `admin` and the like. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  requestTimeoutMs = 10_000;

  @ValidateNested()
  @Type(() => MqProducerConfig)
  producer: MqProducerConfig = new MqProducerConfig();

  @ValidateNested()
  @Type(() => MqConsumerConfig)
  consumer: MqConsumerConfig = new MqConsumerConfig();

  /** Stands before every topic's name, derived ones included. */
  @IsString()
  @Matches(/^[\w.-]*$/, { message: "topicPrefix must be letters, digits, '.', '_' and '-'" })
  topicPrefix = '';

  /** How values become bytes: `json`; `raw`: strings and bytes in, Buffers out. */
  @IsIn(['json', 'raw'])
  codec: 'json' | 'raw' = 'json';

  @ValidateNested()
  @Type(() => MqRetryConfig)
  retry: MqRetryConfig = new MqRetryConfig();

  /** What subscriptions do that do not say: see `SubscribeOptions.deadLetter`. */
  @IsBoolean()
  deadLetter = true;

  /** Topics that are missing are made: those sent to, subscribed to, and derived ones. Default: true outside production. */
  @IsOptional()
  @IsBoolean()
  createTopics: boolean | undefined;

  /** Partitions of topics made so; derived retry topics have as many as their origin. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  defaultPartitions = 1;

  /** Records the memory driver keeps in each partition; the oldest go. */
  @IsInt()
  @Min(1)
  maxRecordsPerPartition = 100_000;
}

type Partly<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** An `MqConfig` as callers write it: any part of it, plain. */
export type MqOptions = Partly<
  Omit<MqConfig, 'brokers' | 'sasl' | 'tls' | 'producer' | 'consumer' | 'retry'>
> & {
  readonly brokers?: readonly string[] | string | undefined;
  readonly sasl?: Partly<MqSaslConfig> | undefined;
  readonly tls?: boolean | Partly<MqTlsConfig> | undefined;
  readonly producer?: Partly<MqProducerConfig> | undefined;
  readonly consumer?: Partly<MqConsumerConfig> | undefined;
  readonly retry?: Partly<MqRetryConfig> | undefined;
};

/** Memory in development and test; in production Kafka, whose brokers must come from the code or KAFKA_BROKERS. */
export function defaultMqConfig(env: string): MqConfig {
  const config = new MqConfig();
  const production = isProductionLike(env);
  config.driver = production ? 'kafka' : 'memory';
  config.createTopics = !production;
  return config;
}
