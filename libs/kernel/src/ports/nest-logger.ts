import { Logger as Nest } from '@nestjs/common';
import { Logger } from './logger.js';

function withFields(message: string, fields: object): string {
  const names = Object.keys(fields).filter((name) => name !== 'err');
  if (names.length === 0) return message;
  try {
    const seen = Object.fromEntries(names.map((name) => [name, Reflect.get(fields, name) as unknown]));
    return `${message} ${JSON.stringify(seen, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))}`;
  } catch {
    return `${message} {${names.join(', ')}: cannot be shown}`;
  }
}

/** The default logger: writes through Nest's own, so that every component logs sensibly without clog. */
export class NestLogger extends Logger {
  readonly #context: string;
  readonly #bound: object;

  constructor(context = '', bound: object = {}) {
    super();
    this.#context = context;
    this.#bound = bound;
  }

  override trace(message: string, fields?: object): void {
    Nest.verbose(this.#text(message, fields), this.#context);
  }
  override debug(message: string, fields?: object): void {
    Nest.debug(this.#text(message, fields), this.#context);
  }
  override info(message: string, fields?: object): void {
    Nest.log(this.#text(message, fields), this.#context);
  }
  override warn(message: string, fields?: object): void {
    Nest.warn(this.#text(message, fields), this.#context);
  }
  override error(message: string, fields?: object): void {
    Nest.error(this.#text(message, fields), this.#stack(fields), this.#context);
  }
  override fatal(message: string, fields?: object): void {
    Nest.fatal(this.#text(message, fields), this.#stack(fields), this.#context);
  }
  override namespace(name: string): Logger {
    return new NestLogger(this.#context === '' ? name : `${this.#context}.${name}`, this.#bound);
  }
  override with(fields: object): Logger {
    return new NestLogger(this.#context, { ...this.#bound, ...fields });
  }

  #text(message: string, fields: object | undefined): string {
    return withFields(String(message), { ...this.#bound, ...fields });
  }

  #stack(fields: object | undefined): string | undefined {
    const err: unknown = fields && Reflect.get(fields, 'err');
    return err instanceof Error ? err.stack : undefined;
  }
}
