import { LineLogger, type Logger, type LogMethod } from '@infra-kit/kernel';

export interface Line {
  readonly level: LogMethod;
  readonly message: string;
  readonly fields: object | undefined;
}

/** Keeps lines for the test instead of printing them. */
export class QuietLogger extends LineLogger {
  readonly lines: Line[] = [];

  protected override write(level: LogMethod, message: string, fields: object | undefined): void {
    this.lines.push({ level, message, fields });
  }
  override namespace(): Logger {
    return this;
  }
  override with(): Logger {
    return this;
  }
}
