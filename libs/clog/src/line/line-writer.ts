import { pino, type Logger as PinoInstance } from 'pino';
import type { Clock, LogMethod, Timer } from '@infra-kit/kernel';
import { BurstLimiter, type BurstLimits } from '../burst/burst-limiter.js';
import { CLOG_INSTANCE_LABEL, cutLines, suppressedLines } from '../clog.telemetry.js';
import { SEVERITY, type LogLevel } from '../levels/log-level.js';
import type { LevelTable } from '../levels/level-table.js';
import type { LineSink } from '../sink/line-sink.js';
import { callerPlace } from './caller.js';
import { FieldCopier, type LineFields } from './field-copier.js';
import { isError } from './is-error.js';
import { KeyRules } from './key-rules.js';
import { READY_LINE } from './ready-line.js';
import { MAX_TEXT, unreadable } from './value-walk.js';
import { traceFields } from './trace-fields.js';

export interface LineIdentity {
  readonly service: string;
  readonly env: string;
  readonly instance: string;
}

export interface LineWriterOptions {
  readonly name: string;
  readonly identity: LineIdentity;
  readonly clock: Clock;
  readonly sink: LineSink;
  readonly levels: LevelTable;
  /** Where the caller's `file:line` is shortened to; undefined: the caller is not looked for. */
  readonly sourceRoot: string | undefined;
  /** Turns a line of JSON into what is written. */
  readonly format: (line: string) => string;
}

/** A logger's own part of a line. */
export interface LineOrigin {
  readonly namespace: string;
  /** pino with the namespace and the bound fields serialised into it. */
  readonly pino: PinoInstance;
  /** The bound fields, when there are any. */
  readonly bound: Readonly<LineFields> | undefined;
}

interface MessageKind {
  readonly level: LogMethod;
  readonly namespace: string;
  readonly message: string;
}

const SUMMARY_MS = 1000;

/** `,"time":"…"` of the clock's wall time; the text of a millisecond is made once. */
function timestamps(clock: Clock): () => string {
  let at = Number.NaN;
  let text = '';
  return () => {
    const now = clock.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/** Makes lines of calls: one for all loggers of a clog. What is hot in the configuration lives here. */
export class LineWriter {
  readonly levels: LevelTable;
  /** pino for others: redacts, adds the trace and is held to the root's level. */
  readonly native: PinoInstance;
  readonly #options: LineWriterOptions;
  readonly #base: PinoInstance;
  readonly #plain: PinoInstance;
  readonly #copies = new Set<(line: string) => void>();
  #copier = new FieldCopier(new KeyRules([]));
  #burst: BurstLimiter<MessageKind> | undefined;
  #summary: Timer | undefined;
  readonly #onExit = (): void => this.summarise();
  #version = 0;

  constructor(options: LineWriterOptions) {
    this.#options = options;
    this.levels = options.levels;
    this.#base = pino(
      {
        level: 'trace',
        base: options.identity,
        timestamp: timestamps(options.clock),
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: (value: unknown) => value },
      },
      { write: (line) => this.#put(line) },
    );
    this.#plain = this.#base.child({ namespace: 'clog' });
    this.native = this.#base.child({}, { formatters: { log: (fields) => this.foreign(fields) } });
  }

  /** Rises whenever a level or a redaction changes: loggers look again at what they have worked out. */
  get version(): number {
    return this.#version;
  }

  configure(options: { readonly redact: readonly string[]; readonly burst?: BurstLimits | undefined }): void {
    this.summarise();
    this.#copier = new FieldCopier(new KeyRules(options.redact));
    this.#burst = options.burst && new BurstLimiter(options.burst);
    this.levelsChanged();
  }

  levelsChanged(): void {
    this.#version++;
    this.native.level = this.levels.of('');
  }

  thresholdOf(namespace: string): number {
    return SEVERITY[this.levels.of(namespace)];
  }

  isEnabled(level: LogLevel, namespace: string): boolean {
    return level !== 'silent' && SEVERITY[level] >= this.thresholdOf(namespace);
  }

  /** Bound fields as they go into each line, copied now. */
  bind(given: readonly object[]): Readonly<LineFields> | undefined {
    const bound: LineFields = {};
    for (const fields of given) this.#copier.into(bound, fields);
    return Object.keys(bound).length === 0 ? undefined : bound;
  }

  originOf(namespace: string, bound: Readonly<LineFields> | undefined): LineOrigin {
    return { namespace, bound, pino: this.#base.child({ namespace: this.#shown(namespace), ...bound }) };
  }

  write(origin: LineOrigin, level: LogMethod, message: unknown, fields: object | undefined): void {
    try {
      this.#write(origin, level, message, fields);
    } catch (error) {
      // nothing known throws here; a line that could not be made is still an event
      const lost = typeof message === 'string' ? message.slice(0, MAX_TEXT) : typeof message;
      this.#plain.error({ lost, reason: unreadable(error) }, 'a line could not be made');
    }
  }

  /** Each line also goes to `take`, as JSON, until the result is disposed. */
  copyTo(take: (line: string) => void): Disposable {
    this.#copies.add(take);
    return { [Symbol.dispose]: () => void this.#copies.delete(take) };
  }

  /** Writes what the burst limiter has left out so far. */
  summarise(): void {
    this.#summary?.[Symbol.dispose]();
    this.#summary = undefined;
    process.off('exit', this.#onExit);
    for (const { kind, count } of this.#burst?.drain() ?? []) {
      const line = { message: kind.message, suppressed: count };
      this.#base
        .child({ namespace: this.#shown(kind.namespace) })
        [kind.level](line, 'identical messages were left out');
    }
  }

  #write(origin: LineOrigin, level: LogMethod, message: unknown, given: object | undefined): void {
    const [text, fields] = typeof message === 'string' ? [message, given] : this.#spoken(message, given);
    if (this.#burst !== undefined && level !== 'fatal' && !this.#admits(level, origin.namespace, text))
      return;

    let line = this.#ambient();
    const cuts = fields === undefined || fields === null ? 0 : this.#copier.into(line, fields);
    let { pino: target } = origin;
    const { bound } = origin;
    if (bound !== undefined && overlaps(bound, line)) {
      line = { ...this.#ambient(), ...bound };
      if (fields !== undefined && fields !== null) this.#copier.into(line, fields);
      target = this.#base.child({ namespace: this.#shown(origin.namespace) });
    }
    if (line['socket'] && line['headers'] && line['method']) line = unlikeRequest(line);
    const shown = this.#shown(text);
    if (cuts > 0 || shown !== text) cutLines.add(1, this.#labels());
    target[level](line, shown);
  }

  #put(line: string): void {
    this.#options.sink.write(this.#options.format(line));
    for (const take of this.#copies)
      try {
        take(line);
      } catch {
        // a log call never throws
      }
  }

  /** What a line says of itself before the caller's fields. */
  #ambient(): LineFields {
    const line = traceFields();
    const { sourceRoot } = this.#options;
    if (sourceRoot !== undefined) line['source'] = callerPlace(sourceRoot);
    return line;
  }

  /** A message that is no string becomes one; an error also goes under `err`. */
  #spoken(message: unknown, fields: object | undefined): [string, object | undefined] {
    if (isError(message)) return [this.#copier.text(message.message), { err: message, ...fields }];
    return [this.#copier.text(message), fields];
  }

  #admits(level: LogMethod, namespace: string, message: string): boolean {
    const now = this.#options.clock.monotonic();
    const key = `${level} ${namespace} ${message.slice(0, 256)}`;
    const kind = (): MessageKind => ({ level, namespace, message: message.slice(0, 256) });
    if (this.#burst?.admits(key, now, kind) !== false) return true;
    suppressedLines.add(1, this.#labels());
    if (this.#summary === undefined) this.#planSummary();
    return false;
  }

  /** One timer for all kinds, only while something is left out; a process that ends earlier writes the sums on its way. */
  #planSummary(): void {
    this.#summary = this.#options.clock.setTimeout(this.#onExit, SUMMARY_MS);
    this.#summary.unref();
    process.on('exit', this.#onExit);
  }

  /** The fields of a line that others hand to pino, as ours would be. */
  foreign(fields: object): LineFields {
    if (READY_LINE in fields) return fields as LineFields;
    const line = traceFields();
    const namespace: unknown = Reflect.get(fields, 'namespace');
    line['namespace'] = typeof namespace === 'string' ? this.#shown(namespace) : '';
    this.#copier.into(line, fields, 'namespace');
    return line;
  }

  #shown(text: string): string {
    return text.length > MAX_TEXT ? this.#copier.text(text) : text;
  }

  #labels(): { [CLOG_INSTANCE_LABEL]: string } {
    return { [CLOG_INSTANCE_LABEL]: this.#options.name };
  }
}

/** pino would take a line with these three for a request and show it as one. */
function unlikeRequest({ socket, ...line }: LineFields): LineFields {
  return { ...line, fields: { socket } };
}

function overlaps(bound: Readonly<LineFields>, line: Readonly<LineFields>): boolean {
  for (const key in bound) if (key in line) return true;
  return false;
}
