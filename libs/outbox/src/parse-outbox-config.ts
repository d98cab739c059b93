import type { DbProvider } from '@infra-kit/db';
import { ConfigError, isConfigError, parseConfig } from '@infra-kit/kernel';
import type { MqProvider } from '@infra-kit/mq';
import { OutboxConfig } from './outbox.config.js';
import type { OutboxLocks } from './relay/leader.js';

const COMPONENT = 'outbox';

/** Fields that take effect while it runs; a change of any other waits for a restart. */
export const HOT: ReadonlySet<string> = new Set([
  'pollIntervalMs',
  'batchSize',
  'retentionMs',
  'inboxRetentionMs',
  'cleanupIntervalMs',
  'cleanupBatch',
  'maxAttempts',
  'backoffMs',
  'maxBackoffMs',
  'onParked',
  'sendTimeoutMs',
  'staleAfterMs',
]);

export interface ParsePlace {
  readonly instance: string;
  /** What there is to work with. */
  readonly hasDb: boolean;
  readonly hasMq: boolean;
  readonly hasCoord: boolean;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function isDbProvider(value: unknown): value is DbProvider {
  return isObject(value) && typeof value['beforeCommit'] === 'function';
}

export function isMqProvider(value: unknown): value is MqProvider {
  return isObject(value) && typeof value['sendBatch'] === 'function';
}

export function isLocks(value: unknown): value is OutboxLocks {
  return isObject(value) && isObject(value['locks']);
}

function parsed(data: Record<string, unknown>, instance: string): OutboxConfig | readonly string[] {
  try {
    return parseConfig(OutboxConfig, data, { component: COMPONENT, instance });
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
}

function missing(leader: unknown, { hasDb, hasMq, hasCoord }: ParsePlace): string[] {
  const wanted = [
    [
      'db',
      hasDb,
      'rows need a database; add one (InfraKitModule.forRoot({ db: … }), createOutbox(…, { db }))',
    ],
    [
      'mq',
      hasMq,
      'messages need an mq; add one (InfraKitModule.forRoot({ mq: … }), createOutbox(…, { mq }))',
    ],
    [
      'leader',
      hasCoord || leader !== 'coord',
      "'coord' needs coord; add it (InfraKitModule.forRoot({ coord: … }), createOutbox(…, { coord }))",
    ],
  ] as const;
  return wanted.filter(([, there]) => !there).map(([field, , why]) => `${field}: ${why}`);
}

/** The configuration in force: what the code passes, then the default. One error names all that is wrong. */
export function parseOutboxConfig(options: unknown, place: ParsePlace): OutboxConfig {
  const { instance } = place;
  if (!isObject(options)) return parseConfig(OutboxConfig, options, { component: COMPONENT, instance });
  const { db, mq, coord, table, ...rest } = options;
  const data = {
    ...rest,
    ...(!isDbProvider(db) && { db }),
    ...(!isMqProvider(mq) && { mq }),
    ...(coord !== undefined && !isLocks(coord) && { coord }),
    table: typeof table === 'string' ? { outbox: table } : table,
  };
  const config = parsed(data, instance);
  const problems = [
    ...(config instanceof OutboxConfig ? [] : config),
    ...missing(rest['leader'], {
      instance,
      hasDb: place.hasDb || isDbProvider(db),
      hasMq: place.hasMq || isMqProvider(mq),
      hasCoord: place.hasCoord || isLocks(coord),
    }),
  ];
  if (!(config instanceof OutboxConfig) || problems.length > 0)
    throw new ConfigError(COMPONENT, problems, instance);
  return config;
}
