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

export type LogMethod = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
