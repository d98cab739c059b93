import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger as Nest } from '@nestjs/common';
import { NestLogger, SwitchableLogger, type LogMethod } from '@infra-kit/kernel';
import { RecordingLogger } from './recording-logger.js';

const LEVELS: LogMethod[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

describe('NestLogger', () => {
  const said: [string, ...unknown[]][] = [];
  const record =
    (method: string) =>
    (...args: unknown[]): void =>
      void said.push([method, ...args]);

  beforeEach(() => {
    said.length = 0;
    Nest.overrideLogger({
      verbose: record('verbose'),
      debug: record('debug'),
      log: record('log'),
      warn: record('warn'),
      error: record('error'),
      fatal: record('fatal'),
    });
  });
  afterAll(() => Nest.overrideLogger(false));

  it("writes each level through Nest's own logger, the namespace as its context", () => {
    const logger = new NestLogger().namespace('cache').namespace('redis');
    for (const level of LEVELS) logger[level](`a ${level} line`);
    expect(said).toEqual([
      ['verbose', 'a trace line', 'cache.redis'],
      ['debug', 'a debug line', 'cache.redis'],
      ['log', 'a info line', 'cache.redis'],
      ['warn', 'a warn line', 'cache.redis'],
      ['error', 'a error line', 'cache.redis'],
      ['fatal', 'a fatal line', 'cache.redis'],
    ]);
  });

  it('shows fields, bound ones first, bigints and errors included', () => {
    const logger = new NestLogger('mq').with({ topic: 'orders' }).with({ partition: 3 });
    logger.info('consumed', { offset: 10n, err: new Error('late') });
    expect(said).toEqual([
      ['log', 'consumed {"topic":"orders","partition":3,"offset":"10","err":"late"}', 'mq'],
    ]);
  });

  it('hands the stack of an error to error and fatal', () => {
    const err = new Error('disk full');
    new NestLogger('db').error('write failed', { err });
    new NestLogger('db').fatal('gave up', { err });
    expect(said).toEqual([
      ['error', 'write failed {"err":"disk full"}', err.stack, 'db'],
      ['fatal', 'gave up {"err":"disk full"}', err.stack, 'db'],
    ]);
  });

  it('shows an err that is no Error', () => {
    new NestLogger('db').warn('odd', { err: 'a text' });
    new NestLogger('db').warn('odd', { err: { code: 'E42' } });
    expect(said.map(([, text]) => text)).toEqual(['odd {"err":"a text"}', 'odd {"err":"E42"}']);
  });

  it('never throws, whatever the fields are', () => {
    const circular: Record<string, unknown> = { name: 'x' };
    circular['self'] = circular;
    const hostile = {
      toJSON() {
        throw new Error('no');
      },
    };
    new NestLogger().info('round', circular);
    new NestLogger().info('hostile', { hostile });
    expect(said).toEqual([
      ['log', 'round {name, self: cannot be shown}', ''],
      ['log', 'hostile {hostile: cannot be shown}', ''],
    ]);
  });
});

describe('SwitchableLogger', () => {
  it('writes through its target on every level, namespaces and bound fields included', () => {
    const target = new RecordingLogger();
    const logger = new SwitchableLogger(target).namespace('cache').with({ instance: 'a' });
    for (const level of LEVELS) logger[level]('line', { more: 1 });
    expect(target.lines).toEqual(
      LEVELS.map((level) => ({
        level,
        namespace: 'cache',
        message: 'line',
        fields: { instance: 'a', more: 1 },
      })),
    );
  });

  it('turns every logger derived from it, before and after, to a new target', () => {
    const [first, second] = [new RecordingLogger(), new RecordingLogger()];
    const root = new SwitchableLogger(first);
    const early = root.namespace('cache').with({ n: 1 });
    early.info('one');
    expect(root.use(second)).toBe(first);
    early.info('two');
    root.namespace('db').info('three');
    expect(first.lines.map(({ message }) => message)).toEqual(['one']);
    expect(second.lines).toMatchObject([
      { namespace: 'cache', message: 'two', fields: { n: 1 } },
      { namespace: 'db', message: 'three' },
    ]);
  });

  it('can be turned by a derived one, and back', () => {
    const [first, second] = [new RecordingLogger(), new RecordingLogger()];
    const root = new SwitchableLogger(first);
    const derived = root.namespace('x') as SwitchableLogger;
    const former = derived.use(second);
    root.info('there');
    root.use(former);
    derived.info('back');
    expect(second.lines).toMatchObject([{ message: 'there', namespace: '' }]);
    expect(first.lines).toMatchObject([{ message: 'back', namespace: 'x' }]);
  });

  it('derives from its target once, not a line', () => {
    const target = new RecordingLogger();
    let derived = 0;
    const counting = Object.assign(new RecordingLogger(target.lines), {
      namespace: () => {
        derived++;
        return target;
      },
    });
    const logger = new SwitchableLogger(counting).namespace('x');
    for (let n = 0; n < 10; n++) logger.info('line');
    expect(derived).toBe(1);
  });
});
