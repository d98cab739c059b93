import type { ComponentSetting, Logger } from '@infra-kit/kernel';
import type { ClogConfig } from '../clog.config.js';
import { CLOG_INSTANCE_LABEL, divertedLines, rotations } from '../clog.telemetry.js';
import type { LineIdentity } from '../line/line-writer.js';
import { consoleFormat } from './console-format.js';
import { FileTarget } from './file-target.js';
import type { LineSink, LineTarget } from './line-sink.js';
import { SafeSink } from './safe-sink.js';
import { StreamTarget } from './stream-target.js';

/** What the output has to say before there is a logger: kept, then written through it. */
export class Notes {
  #logger: Logger | undefined;
  #early: [string, object][] = [];

  warn(message: string, fields: object): void {
    if (this.#logger === undefined) this.#early.push([message, fields]);
    else this.#logger.warn(message, fields);
  }

  attach(logger: Logger): void {
    this.#logger = logger;
    for (const [message, fields] of this.#early) logger.warn(message, fields);
    this.#early = [];
  }
}

export interface OpenedSink {
  readonly sink: LineSink;
  readonly format: (line: string) => string;
  readonly notes: Notes;
}

interface SinkOptions {
  readonly config: ClogConfig;
  readonly setting: ComponentSetting;
  readonly identity: LineIdentity;
  readonly given: Pick<LineSink, 'write'> | undefined;
}

function isTerminal(output: string): boolean {
  const stream = output === 'stdout' ? process.stdout : output === 'stderr' ? process.stderr : undefined;
  return stream?.isTTY === true && process.env['NO_COLOR'] === undefined;
}

async function formatOf(config: ClogConfig, notes: Notes): Promise<(line: string) => string> {
  const asIs = (line: string): string => line;
  if (config.format === 'json') return asIs;
  const format = await consoleFormat({ color: config.color ?? isTerminal(config.output) });
  if (format !== undefined) return format;
  notes.warn('the console format needs pino-pretty, lines are JSON: npm install pino-pretty', {});
  return asIs;
}

function targetOf(
  { config, setting }: SinkOptions,
  notes: Notes,
  labels: Record<string, string>,
): LineTarget {
  const { output } = config;
  if (output === 'stdout' || output === 'stderr') return new StreamTarget(output);
  return new FileTarget(output, {
    limits: config.rotation,
    clock: setting.clock,
    onProblem: (message, err) => notes.warn(message, { output, err }),
    onRotation: () => rotations.add(1, labels),
  });
}

/** Opens what the configuration names; what was opened is closed with the component. */
export async function openSink(options: SinkOptions): Promise<OpenedSink> {
  const { config, setting, identity, given } = options;
  const notes = new Notes();
  const format = await formatOf(config, notes);
  if (given !== undefined) return { sink: givenSink(given), format, notes };

  const labels = { [CLOG_INSTANCE_LABEL]: setting.name };
  const target = targetOf(options, notes, labels);
  const sink = new SafeSink(target, {
    clock: setting.clock,
    diverted: () => divertedLines.add(1, labels),
    report: (msg, fields) => {
      const time = new Date(setting.clock.now()).toISOString();
      return `${JSON.stringify({ level: 'error', time, ...identity, namespace: 'clog', ...fields, msg })}\n`;
    },
  });
  setting.stack.push({
    name: `clog(${setting.name}).output`,
    phase: 'connections',
    close: () => sink.close(),
  });
  if (target.isElsewhere)
    notes.warn('another process writes the log file, this one has its own', {
      output: config.output,
      own: sink.target,
    });
  if (config.output !== 'stdout' && config.output !== 'stderr') {
    const onHangUp = (): void => sink.reopen();
    process.on('SIGHUP', onHangUp);
    setting.stack.push({
      name: `clog(${setting.name}).sighup`,
      phase: 'connections',
      close: () => void process.off('SIGHUP', onHangUp),
    });
  }
  return { sink, format, notes };
}

function givenSink(given: Pick<LineSink, 'write'>): LineSink {
  return {
    target: 'given',
    fault: undefined,
    write: (line) => given.write(line),
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
