import { Logger as Nest } from '@nestjs/common';
import { messageOf } from '../errors/message-of.js';
import { LineLogger, type Logger, type LogMethod } from './logger.js';

const NEST_METHOD = {
  trace: 'verbose',
  debug: 'debug',
  info: 'log',
  warn: 'warn',
  error: 'error',
  fatal: 'fatal',
} as const;

function asJson(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}`;
  return value instanceof Error || key === 'err' ? messageOf(value) : value;
}

function withFields(message: string, fields: object): string {
  if (Object.keys(fields).length === 0) return message;
  try {
    return `${message} ${JSON.stringify(fields, asJson)}`;
  } catch {
    return `${message} {${Object.keys(fields).join(', ')}: cannot be shown}`;
  }
}

/** The default logger: writes through Nest's own, so that every component logs sensibly without clog. */
export class NestLogger extends LineLogger {
  readonly #context: string;
  readonly #bound: object;

  constructor(context = '', bound: object = {}) {
    super();
    this.#context = context;
    this.#bound = bound;
  }

  override namespace(name: string): Logger {
    return new NestLogger(this.#context === '' ? name : `${this.#context}.${name}`, this.#bound);
  }
  override with(fields: object): Logger {
    return new NestLogger(this.#context, { ...this.#bound, ...fields });
  }

  protected override write(level: LogMethod, message: string, fields: object | undefined): void {
    const text = withFields(String(message), { ...this.#bound, ...fields });
    const err: unknown = fields && Reflect.get(fields, 'err');
    const grave = level === 'error' || level === 'fatal';
    const stack = grave && err instanceof Error ? [err.stack] : [];
    Nest[NEST_METHOD[level]](text, ...stack, this.#context);
  }
}
