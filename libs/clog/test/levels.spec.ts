import { describe, expect, it } from '@jest/globals';
import { createClog, LOG_LEVELS, type LogLevel } from '@infra-kit/clog';
import { capturedClog } from './clogs.js';

const METHODS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

describe('a namespace that is no string', () => {
  it.each([[{}], [7], [null], [Symbol('s')]])('%p is refused', async (namespace) => {
    await using app = await capturedClog();
    const refused: unknown = expect.objectContaining({ code: 'INVALID_ARGUMENT' });
    expect(() => app.clog.logger(namespace as unknown as string)).toThrow(refused as Error);
  });
});

describe('levels', () => {
  it.each(LOG_LEVELS)('%s lets through what is at least as severe', async (level) => {
    await using app = await capturedClog({ level });
    for (const method of METHODS) app.clog.root[method]('x');
    const from = METHODS.indexOf(level as (typeof METHODS)[number]);
    expect(app.captured.lines.map((line) => line['level'])).toEqual(from === -1 ? [] : METHODS.slice(from));
    for (const method of METHODS)
      expect(app.clog.root.isLevelEnabled(method)).toBe(from !== -1 && METHODS.indexOf(method) >= from);
    expect(app.clog.root.isLevelEnabled('silent')).toBe(false);
  });

  const levels: Record<string, LogLevel> = {
    user: 'warn',
    'user.auth': 'debug',
    'user.auth.token': 'silent',
  };
  it.each([
    ['', 'info'],
    ['order', 'info'],
    ['users', 'info'],
    ['user', 'warn'],
    ['user.profile', 'warn'],
    ['user.auth', 'debug'],
    ['user.auth.session', 'debug'],
    ['user.authority', 'warn'],
    ['user.auth.token.jwt', 'silent'],
  ])('of namespace %p is %s: the longest prefix wins, by whole segments', async (namespace, expected) => {
    await using app = await capturedClog({ level: 'info', levels });
    expect(app.clog.level(namespace)).toBe(expected);
  });

  it('change existing loggers, children and bound ones, in both directions', async () => {
    await using app = await capturedClog({ level: 'info' });
    const loggers = [app.clog.root, app.clog.logger('a'), app.clog.logger('a').namespace('b').with({ x: 1 })];
    const speak = (): number => {
      app.captured.clear();
      for (const logger of loggers) logger.debug('x');
      return app.captured.lines.length;
    };
    expect(speak()).toBe(0);
    app.clog.setLevel('debug');
    expect(speak()).toBe(3);
    app.clog.setLevel('warn', 'a');
    expect(speak()).toBe(1);
    app.clog.setLevel('error');
    expect(speak()).toBe(0);
  });

  it('of a namespace stay when the root’s is set', async () => {
    await using app = await capturedClog({ level: 'info', levels: { user: 'debug' } });
    app.clog.setLevel('error');
    expect(app.clog.level()).toBe('error');
    expect(app.clog.level('user')).toBe('debug');
    expect(app.clog.level('order')).toBe('error');
  });

  it('that are unknown are refused and change nothing', async () => {
    await using app = await capturedClog({ level: 'info' });
    expect(() => app.clog.setLevel('loud' as LogLevel)).toThrow(/level: one of trace, .*got "loud"/);
    expect(() => app.clog.setLevel('toString' as LogLevel)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    expect(app.clog.level()).toBe('info');
  });
});

describe('after close', () => {
  it('every method but health, close and log calls is FAILED_PRECONDITION', async () => {
    const clog = await createClog({}, { env: 'test', sink: { write: () => undefined } });
    await clog.close();
    await clog.close();
    const closed = expect.objectContaining({ code: 'FAILED_PRECONDITION' });
    expect(() => clog.logger('x')).toThrow(closed);
    expect(() => clog.setLevel('info')).toThrow(closed);
    expect(() => clog.level()).toThrow(closed);
    await expect(clog.flush()).rejects.toThrow(closed);
    expect(await clog.health()).toMatchObject({ status: 'down' });
    clog.root.namespace('x').with({ a: 1 }).info('never throws');
  });

  it('an `await using` closes it', async () => {
    const { clog } = await capturedClog();
    {
      await using _own = clog;
      expect(await clog.health()).toMatchObject({ status: 'up', detail: { level: 'trace' } });
    }
    expect(await clog.health()).toMatchObject({ status: 'down' });
  });
});
