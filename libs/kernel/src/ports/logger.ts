export type LogMethod = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** The log port. Messages are constant sentences; what varies goes into `fields` (an error under `err`). Never throws. */
export abstract class Logger {
  abstract trace(message: string, fields?: object): void;
  abstract debug(message: string, fields?: object): void;
  abstract info(message: string, fields?: object): void;
  abstract warn(message: string, fields?: object): void;
  abstract error(message: string, fields?: object): void;
  abstract fatal(message: string, fields?: object): void;
  /** A logger below this one: `logger.namespace('user').namespace('auth')` writes as `user.auth`. */
  abstract namespace(name: string): Logger;
  /** A logger that adds `fields` to each of its lines. */
  abstract with(fields: object): Logger;
}

/** A logger whose levels all go one way. */
export abstract class LineLogger extends Logger {
  protected abstract write(level: LogMethod, message: string, fields: object | undefined): void;

  override trace(message: string, fields?: object): void {
    this.write('trace', message, fields);
  }
  override debug(message: string, fields?: object): void {
    this.write('debug', message, fields);
  }
  override info(message: string, fields?: object): void {
    this.write('info', message, fields);
  }
  override warn(message: string, fields?: object): void {
    this.write('warn', message, fields);
  }
  override error(message: string, fields?: object): void {
    this.write('error', message, fields);
  }
  override fatal(message: string, fields?: object): void {
    this.write('fatal', message, fields);
  }
}
