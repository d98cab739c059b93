import type { LoggerService } from '@nestjs/common';

/** Nest's own lines through clog: `app.useLogger(app.get(ClogNestLogger))`. Made by ClogModule. */
export class ClogNestLogger implements LoggerService {
  readonly #adapter: Required<Pick<LoggerService, Method>>;

  constructor(adapter: Required<Pick<LoggerService, Method>>) {
    this.#adapter = adapter;
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#adapter.verbose(message, ...rest);
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.#adapter.debug(message, ...rest);
  }
  log(message: unknown, ...rest: unknown[]): void {
    this.#adapter.log(message, ...rest);
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.#adapter.warn(message, ...rest);
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.#adapter.error(message, ...rest);
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.#adapter.fatal(message, ...rest);
  }
}

type Method = 'verbose' | 'debug' | 'log' | 'warn' | 'error' | 'fatal';
