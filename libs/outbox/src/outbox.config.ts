import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import type { DbProvider } from '@infra-kit/db';
import type { MqProvider } from '@infra-kit/mq';
import type { OutboxLocks } from './relay/leader.js';

const LONGEST_MS = 2 ** 31 - 1;
const YEAR_MS = 366 * 86_400_000;
/** Names of indexes are made from it, and PostgreSQL cuts at 63. */
const TABLE = /^[a-z_][a-z0-9_]{0,39}(\.[a-z_][a-z0-9_]{0,39})?$/;
const TABLE_MESSAGE = 'must be a table in lower case, or schema.table, of at most 40 characters each';

export class OutboxTables {
  @Matches(TABLE, { message: `outbox ${TABLE_MESSAGE}` })
  outbox = 'infra_outbox';

  @Matches(TABLE, { message: `inbox ${TABLE_MESSAGE}` })
  inbox = 'infra_inbox';
}

export type OutboxLeader = 'advisory-lock' | 'coord' | 'none';

/** Configuration of an outbox. Durations are milliseconds, or texts like '30s'. */
export class OutboxConfig {
  /** Which database, by its instance's name; inside Nest. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  db: string | undefined;

  /** Which mq, by its instance's name; inside Nest. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  mq: string | undefined;

  /** How long a relay that has nothing to send rests; a commit of its own process wakes it. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  pollIntervalMs = 500;

  /** Messages of one pass at most. Hot. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  batchSize = 200;

  /** Whether the module starts a relay in this process. */
  @IsBoolean()
  relay = true;

  /** Who sends: the holder of an advisory lock, of a lock of coord; or everybody, each key at one relay at a time. */
  @IsIn(['advisory-lock', 'coord', 'none'])
  leader: OutboxLeader = 'advisory-lock';

  /** With `leader: 'none'`: into how many parts the keys hash that relays take turns at. The same for all relays. */
  @IsInt()
  @Min(1)
  @Max(1024)
  lanes = 16;

  /** With `leader: 'coord'`: how long a leader that died keeps the others waiting. */
  @IsInt()
  @Min(1000)
  @Max(LONGEST_MS)
  leaseMs = 15_000;

  /** How long a message that was sent is kept; 0: it is deleted at once. Hot. */
  @IsInt()
  @Min(0)
  @Max(YEAR_MS)
  retentionMs = 7 * 86_400_000;

  /** How long a handled message is remembered; one that comes again later runs again. Hot. */
  @IsInt()
  @Min(1)
  @Max(YEAR_MS)
  inboxRetentionMs = 30 * 86_400_000;

  /** How often what is older is looked for. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  cleanupIntervalMs = 60_000;

  /** Rows of one deletion at most. Hot. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  cleanupBatch = 1000;

  /** Tries after which a message is parked. Hot. */
  @IsInt()
  @Min(1)
  @Max(1000)
  maxAttempts = 10;

  /** Before the second try; doubled each time. Hot. */
  @IsInt()
  @Min(0)
  @Max(LONGEST_MS)
  backoffMs = 500;

  /** Longest wait between tries, and between passes while the broker or the database is away. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  maxBackoffMs = 30_000;

  /** Whether later messages of its key wait behind a parked one. Hot. */
  @IsIn(['block', 'skip'])
  onParked: 'block' | 'skip' = 'block';

  /** Limit for one sending of messages to a topic. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  sendTimeoutMs = 30_000;

  /** Whether transactions that publish for one key commit one after another, which is what its order is kept by. */
  @IsBoolean()
  orderPerKey = true;

  /** Wakes relays of other processes at each commit; can halve the throughput of commits. */
  @IsBoolean()
  notify = false;

  /** Health is degraded when the oldest message has been due for longer. Hot. */
  @IsInt()
  @Min(1)
  @Max(LONGEST_MS)
  staleAfterMs = 60_000;

  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => OutboxTables)
  table: OutboxTables = new OutboxTables();
}

type Own = Omit<OutboxConfig, 'db' | 'mq' | 'table'>;

/** An `OutboxConfig` as callers write it: any part of it, plain; for `db`, `mq` and `coord` ready providers are taken too. */
export type OutboxOptions = { readonly [K in keyof Own]?: Own[K] | undefined } & {
  readonly db?: string | DbProvider | undefined;
  readonly mq?: string | MqProvider | undefined;
  readonly coord?: OutboxLocks | undefined;
  /** Names of the tables; a text names the outbox alone. */
  readonly table?: string | { readonly [K in keyof OutboxTables]?: string | undefined } | undefined;
};

/** The same everywhere. */
export function defaultOutboxConfig(_env: string): OutboxConfig {
  return new OutboxConfig();
}
