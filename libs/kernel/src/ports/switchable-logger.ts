import { Logger, type LogMethod } from './logger.js';

interface Slot {
  target: Logger;
}
type Derive = (root: Logger) => Logger;

/**
 * A logger whose target can be replaced while loggers derived from it are in use:
 * components are made before the log component, and still write through it.
 */
export class SwitchableLogger extends Logger {
  readonly #slot: Slot;
  readonly #derive: Derive;
  #root: Logger | undefined;
  #derived: Logger | undefined;

  constructor(target: Logger | Slot, derive: Derive = (root) => root) {
    super();
    this.#slot = target instanceof Logger ? { target } : target;
    this.#derive = derive;
  }

  /** From now on every logger derived from this one writes to `target`. Returns the former target. */
  use(target: Logger): Logger {
    const former = this.#slot.target;
    this.#slot.target = target;
    return former;
  }

  override trace(message: string, fields?: object): void {
    this.#write('trace', message, fields);
  }
  override debug(message: string, fields?: object): void {
    this.#write('debug', message, fields);
  }
  override info(message: string, fields?: object): void {
    this.#write('info', message, fields);
  }
  override warn(message: string, fields?: object): void {
    this.#write('warn', message, fields);
  }
  override error(message: string, fields?: object): void {
    this.#write('error', message, fields);
  }
  override fatal(message: string, fields?: object): void {
    this.#write('fatal', message, fields);
  }
  override namespace(name: string): Logger {
    return new SwitchableLogger(this.#slot, (root) => this.#derive(root).namespace(name));
  }
  override with(fields: object): Logger {
    return new SwitchableLogger(this.#slot, (root) => this.#derive(root).with(fields));
  }

  #write(level: LogMethod, message: string, fields: object | undefined): void {
    const root = this.#slot.target;
    if (this.#derived === undefined || this.#root !== root) {
      this.#root = root;
      this.#derived = this.#derive(root);
    }
    this.#derived[level](message, fields);
  }
}
