import { hostname } from 'node:os';
import {
  buildComponent,
  envText,
  SwitchableLogger,
  withDeadline,
  type AppIdentity,
  type CallOptions,
  type ComponentDeps,
  type ComponentSetting,
  type HealthReport,
} from '@infra-kit/kernel';
import type { Logger as PinoInstance } from 'pino';
import { ClogConfig, settleClogConfig, type ClogOptions } from './clog.config.js';
import { clogClosed, wrongNamespace } from './clog.errors.js';
import { ClogProvider, type ClogLogger } from './clog.provider.js';
import { LevelTable } from './levels/level-table.js';
import { requireLevel, type LogLevel } from './levels/log-level.js';
import { LineLogger } from './line/line-logger.js';
import type { LineIdentity, LineWriter } from './line/line-writer.js';
import { claim } from './line/owner.js';
import { REQUEST_ID_ATTRIBUTE } from './line/trace-fields.js';
import type { LineSink } from './sink/line-sink.js';
import { openSink } from './sink/open-sink.js';

export interface ClogDeps extends ComponentDeps {
  /** Who writes, when an application says so; else INSTANCE_ID, else the host's name. */
  readonly identity?: AppIdentity | undefined;
  /** Takes the lines instead of `output`; the giver closes it. For tests. */
  readonly sink?: Pick<LineSink, 'write'> | undefined;
  /** The application's logger: writes through this clog until it closes. */
  readonly adopt?: SwitchableLogger | undefined;
}

const FLUSH_LIMIT_MS = 5000;

/** Fields whose change needs a restart. */
const STRUCTURAL = ['format', 'output', 'addSource', 'color', 'rootPath', 'rotation'] as const;

export class DefaultClogProvider extends ClogProvider {
  override readonly name: string;
  override readonly root: ClogLogger;
  readonly #setting: ComponentSetting;
  readonly #writer: LineWriter;
  readonly #sink: LineSink;
  #config: ClogConfig;
  #closed = false;

  constructor(setting: ComponentSetting, parts: { config: ClogConfig; writer: LineWriter; sink: LineSink }) {
    super();
    this.name = setting.name;
    this.#setting = setting;
    this.#writer = parts.writer;
    this.#sink = parts.sink;
    this.#config = parts.config;
    parts.writer.configure(parts.config);
    this.root = new LineLogger(parts.writer);
    claim(parts.writer.native, this);
  }

  /** The configuration in force. */
  get config(): ClogConfig {
    return this.#config;
  }

  override get native(): PinoInstance {
    return this.#writer.native;
  }

  override logger(namespace = ''): ClogLogger {
    this.#mustBeOpen('logger');
    if (typeof namespace !== 'string') throw wrongNamespace(namespace);
    return new LineLogger(this.#writer, namespace);
  }

  override setLevel(level: LogLevel, namespace = ''): void {
    this.#mustBeOpen('setLevel');
    this.#writer.levels.set(requireLevel(level), namespace);
    this.#writer.levelsChanged();
  }

  override level(namespace = ''): LogLevel {
    this.#mustBeOpen('level');
    return this.#writer.levels.of(namespace);
  }

  override copyTo(take: (line: string) => void): Disposable {
    this.#mustBeOpen('copyTo');
    return this.#writer.copyTo(take);
  }

  override async flush(options?: CallOptions): Promise<void> {
    this.#mustBeOpen('flush');
    await withDeadline(options, FLUSH_LIMIT_MS, `clog(${this.name}).flush`, () => {
      this.#writer.summarise();
      return this.#sink.flush();
    });
  }

  override async health(): Promise<HealthReport> {
    const { target: output, fault } = this.#sink;
    if (this.#closed) return { status: 'down', detail: { output, reason: 'closed' } };
    const level = this.#writer.levels.of('');
    if (fault === undefined) return { status: 'up', detail: { output, level } };
    return { status: 'degraded', detail: { output, level, reason: fault } };
  }

  override async close(): Promise<void> {
    await this.#setting.stack.close();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A plain copy of `fields` as a line would show them. */
  redacted(fields: object): object {
    return this.#writer.bind([fields]) ?? {};
  }

  /** What pino gets for a line of a request whose logger has the request's id bound: pino would write the key again. */
  requestLine(fields: object): Record<string, unknown> {
    const { [REQUEST_ID_ATTRIBUTE]: id, ...line } = this.#writer.foreign(fields);
    const given: unknown = Reflect.get(fields, REQUEST_ID_ATTRIBUTE);
    if (given === undefined) return line;
    return { ...line, fields: { ...Object(line['fields']), [REQUEST_ID_ATTRIBUTE]: id } };
  }

  /** Takes over what is hot; returns the structural fields that differ. */
  reload(next: ClogConfig): readonly string[] {
    const differing = STRUCTURAL.filter(
      (key) => JSON.stringify(next[key]) !== JSON.stringify(this.#config[key]),
    );
    const { level, levels, redact, http, burst } = next;
    this.#config = Object.assign(new ClogConfig(), this.#config, { level, levels, redact, http, burst });
    this.#writer.levels.replace(level, levels);
    this.#writer.configure(next);
    return differing;
  }

  /** From now on nothing but log calls, `health` and `close` works. */
  shut(): void {
    this.#writer.summarise();
    this.#closed = true;
  }

  /** In the phase of flushing; components that close later still log to the output. */
  async settle(): Promise<void> {
    this.#writer.summarise();
    await this.#sink.flush();
  }

  #mustBeOpen(method: string): void {
    if (this.#closed) throw clogClosed(this.name, method);
  }
}

function identityOf(setting: ComponentSetting, identity: AppIdentity | undefined): LineIdentity {
  const instance = identity?.instance ?? envText('INSTANCE_ID') ?? hostname();
  return { service: setting.service, env: setting.env, instance };
}

async function build(
  input: ClogOptions,
  deps: ClogDeps,
  setting: ComponentSetting,
): Promise<DefaultClogProvider> {
  const place = { env: setting.env, instance: setting.name };
  const config = settleClogConfig(input, place);
  const identity = identityOf(setting, deps.identity);
  const { sink, format, notes } = await openSink({ config, setting, identity, given: deps.sink });
  const { LineWriter: Writer } = await import('./line/line-writer.js'); // loads pino
  const writer = new Writer({
    name: setting.name,
    identity,
    clock: setting.clock,
    sink,
    format,
    levels: new LevelTable(config.level, config.levels),
    sourceRoot: config.addSource ? (config.rootPath ?? process.cwd()) : undefined,
  });
  const provider = new DefaultClogProvider(setting, { config, writer, sink });
  notes.attach(provider.root.namespace('clog'));

  const { stack } = setting;
  stack.push({ name: `clog(${setting.name})`, phase: 'connections', close: () => provider.shut() });
  stack.push({ name: `clog(${setting.name}).flush`, phase: 'flush', close: () => provider.settle() });

  const registered = setting.reload?.register<ClogConfig>({
    component: 'clog',
    instance: setting.name,
    parse: (document) => settleClogConfig(overlay(input, document), place),
    apply: (next) => provider.reload(next),
  });
  const former = deps.adopt?.use(provider.root);
  stack.push({
    name: `clog(${setting.name}).adopted`,
    phase: 'connections',
    close: () => {
      registered?.[Symbol.dispose]();
      if (former !== undefined) deps.adopt?.use(former);
    },
  });
  return provider;
}

/** A document holds what differs from what the code says. */
function overlay(base: object, document: unknown): unknown {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return document;
  return { ...base, ...document };
}

/**
 * Opens a clog: see ClogProvider. An output that cannot be opened is no failure: lines go to stderr until it can.
 * INVALID_ARGUMENT names every bad field.
 */
export function createClog(config: ClogOptions = {}, deps: ClogDeps = {}): Promise<ClogProvider> {
  return buildComponent('clog', deps, (setting) => build(config, deps, setting));
}
