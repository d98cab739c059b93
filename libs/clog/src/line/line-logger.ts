import type { LogMethod } from '@infra-kit/kernel';
import { ClogLogger } from '../clog.provider.js';
import type { LineFields } from './field-copier.js';
import { SEVERITY, type LogLevel } from '../levels/log-level.js';
import type { LineOrigin, LineWriter } from './line-writer.js';

/** A namespace and bound fields in front of the writer. What it works out is kept until a level or a redaction changes. */
export class LineLogger extends ClogLogger {
  override readonly namespacePath: string;
  readonly #writer: LineWriter;
  readonly #given: readonly object[];
  #version: number;
  #bound: Readonly<LineFields> | undefined;
  #threshold: number;
  #origin: LineOrigin | undefined;

  constructor(writer: LineWriter, namespacePath = '', given: readonly object[] = []) {
    super();
    this.namespacePath = namespacePath;
    this.#writer = writer;
    this.#given = given;
    this.#version = writer.version;
    this.#bound = given.length === 0 ? undefined : writer.bind(given);
    this.#threshold = writer.thresholdOf(namespacePath);
  }

  override trace(message: string, fields?: object): void {
    this.#log('trace', message, fields);
  }
  override debug(message: string, fields?: object): void {
    this.#log('debug', message, fields);
  }
  override info(message: string, fields?: object): void {
    this.#log('info', message, fields);
  }
  override warn(message: string, fields?: object): void {
    this.#log('warn', message, fields);
  }
  override error(message: string, fields?: object): void {
    this.#log('error', message, fields);
  }
  override fatal(message: string, fields?: object): void {
    this.#log('fatal', message, fields);
  }

  override isLevelEnabled(level: LogLevel): boolean {
    return this.#writer.isEnabled(level, this.namespacePath);
  }

  override namespace(name: string): ClogLogger {
    const path = [this.namespacePath, String(name)].filter((part) => part !== '').join('.');
    return new LineLogger(this.#writer, path, this.#given);
  }

  override with(fields: object): ClogLogger {
    return new LineLogger(this.#writer, this.namespacePath, [...this.#given, fields]);
  }

  #log(level: LogMethod, message: unknown, fields: object | undefined): void {
    if (this.#version !== this.#writer.version) this.#lookAgain();
    if (SEVERITY[level] < this.#threshold) return;
    this.#origin ??= this.#writer.originOf(this.namespacePath, this.#bound);
    this.#writer.write(this.#origin, level, message, fields);
  }

  #lookAgain(): void {
    this.#version = this.#writer.version;
    this.#threshold = this.#writer.thresholdOf(this.namespacePath);
    if (this.#given.length > 0) this.#bound = this.#writer.bind(this.#given);
    this.#origin = undefined;
  }
}
