import type { LogContext, Logger as OrmLogger, LoggerNamespace } from '@mikro-orm/core';
import { InfraContext, type Logger } from '@infra-kit/kernel';
import type { DbConfig } from '../db.config.js';
import { operationDuration, operationOf, recordStatementSpan } from '../db.telemetry.js';

type Settings = Pick<DbConfig, 'slowQueryMs' | 'logLevel' | 'logParameters'>;
const RANKS = { silent: 0, error: 1, warn: 2, info: 3 } as const;

/** What begins so has not written, nor has what begins and ends a transaction. */
const READS = /^\s*(select|show|begin|start|set|savepoint|release|rollback|commit)\b/i;

/** One statement that has ended, or failed. */
export interface EndedQuery {
  readonly sql: string;
  readonly tookMs: number;
  /** Why it failed. */
  readonly error?: string | undefined;
  readonly params?: readonly unknown[] | undefined;
}

/** Where every statement is told: measured, and logged when it was slow or when all are asked for. */
export class QueryLog implements OrmLogger {
  readonly #logger: Logger;
  readonly #instance: string;
  readonly #settings: () => Settings;
  /** Told of each statement that may have written. */
  written: (() => void) | undefined;
  #quiet = false;
  #starting = 0;

  constructor(logger: Logger, instance: string, settings: () => Settings) {
    this.#logger = logger;
    this.#instance = instance;
    this.#settings = settings;
  }

  /** From now on the connections are meant to end: nothing more is said of it. */
  quieten(): void {
    this.#quiet = true;
  }

  /** At the start, first connections and long looks into the catalogue are nobody's slow queries. */
  async whileStarting<T>(work: () => Promise<T>): Promise<T> {
    this.#starting++;
    try {
      return await work();
    } finally {
      this.#starting--;
    }
  }

  /** Never with parameters unless the configuration asks for them. */
  ended({ sql, tookMs, error, params }: EndedQuery): void {
    const attributes = {
      'db.system.name': 'postgresql',
      'db.operation.name': operationOf(sql),
      'infra.instance': this.#instance,
      ...(error !== undefined && { 'error.type': error }),
    };
    operationDuration.record(tookMs / 1000, attributes);
    recordStatementSpan(attributes, tookMs);
    if (this.written !== undefined && !READS.test(sql)) this.written();
    if (this.#starting > 0) return;
    const { slowQueryMs, logParameters } = this.#settings();
    const slow = tookMs >= slowQueryMs;
    if (!slow && !this.#shows('info')) return;
    const fields = {
      sql,
      durationMs: Math.round(tookMs),
      traceId: InfraContext.traceId(),
      ...(logParameters && params !== undefined && { params }),
    };
    if (slow) this.#logger.warn('slow query', fields);
    else this.#logger.info('query', fields);
  }

  /** MikroORM tells each query so, whatever is enabled. */
  logQuery({ query, took = 0, level, params }: LogContext): void {
    if (query === undefined) return;
    this.ended({ sql: query, tookMs: took, error: level === 'error' ? 'failed' : undefined, params });
  }

  log(namespace: string, message: string): void {
    if (namespace === 'discovery' || namespace === 'info') return; // MikroORM's own chatter at start
    if (this.#shows('info')) this.#logger.info('MikroORM', { namespace, said: message });
  }

  warn(namespace: string, message: string): void {
    if (this.#shows('warn')) this.#logger.warn('MikroORM warns', { namespace, said: message });
  }

  error(namespace: string, message: string): void {
    if (this.#shows('error')) this.#logger.error('MikroORM reports an error', { namespace, said: message });
  }

  setDebugMode(): void {
    // what is shown is `logLevel`'s to say
  }

  /** Asked before a query's text is chosen: with its parameters inlined it never leaves MikroORM. */
  isEnabled(namespace: LoggerNamespace): boolean {
    return namespace !== 'query-params';
  }

  #shows(level: keyof typeof RANKS): boolean {
    return !this.#quiet && RANKS[this.#settings().logLevel] >= RANKS[level];
  }
}
