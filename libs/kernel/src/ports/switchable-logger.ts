import { LineLogger, type Logger, type LogMethod } from './logger.js';

/** What all loggers derived from one share. */
class Slot {
  constructor(public target: Logger) {}
}
type Derive = (root: Logger) => Logger;

/**
 * A logger whose target can be replaced while loggers derived from it are in use:
 * components are made before the log component, and still write through it.
 */
export class SwitchableLogger extends LineLogger {
  readonly #slot: Slot;
  readonly #derive: Derive;
  #root: Logger | undefined;
  #derived: Logger | undefined;

  constructor(target: Logger | Slot, derive: Derive = (root) => root) {
    super();
    this.#slot = target instanceof Slot ? target : new Slot(target);
    this.#derive = derive;
  }

  /** From now on every logger derived from this one writes to `target`. Returns the former target. */
  use(target: Logger): Logger {
    const former = this.#slot.target;
    this.#slot.target = target;
    return former;
  }

  override namespace(name: string): Logger {
    return new SwitchableLogger(this.#slot, (root) => this.#derive(root).namespace(name));
  }
  override with(fields: object): Logger {
    return new SwitchableLogger(this.#slot, (root) => this.#derive(root).with(fields));
  }

  protected override write(level: LogMethod, message: string, fields: object | undefined): void {
    const root = this.#slot.target;
    if (this.#derived === undefined || this.#root !== root) {
      this.#root = root;
      this.#derived = this.#derive(root);
    }
    this.#derived[level](message, fields);
  }
}
