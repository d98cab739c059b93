import { LineLogger, type Logger, type LogMethod } from '@infra-kit/kernel';

export interface Line {
  readonly level: LogMethod;
  readonly namespace: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps every line, its own and those of loggers derived from it. */
export class RecordingLogger extends LineLogger {
  readonly lines: Line[];
  readonly #namespace: string;
  readonly #bound: object;

  constructor(lines: Line[] = [], namespace = '', bound: object = {}) {
    super();
    this.lines = lines;
    this.#namespace = namespace;
    this.#bound = bound;
  }

  override namespace(name: string): Logger {
    const below = this.#namespace === '' ? name : `${this.#namespace}.${name}`;
    return new RecordingLogger(this.lines, below, this.#bound);
  }
  override with(fields: object): Logger {
    return new RecordingLogger(this.lines, this.#namespace, { ...this.#bound, ...fields });
  }
  protected override write(level: LogMethod, message: string, fields: object | undefined): void {
    this.lines.push({ level, namespace: this.#namespace, message, fields: { ...this.#bound, ...fields } });
  }
}
