import { describe, expect, it } from '@jest/globals';
import { Logger as Nest } from '@nestjs/common';
import { NestLogger, ReloadRegistry, SystemClock } from '@infra-kit/kernel';
import { capturedClog } from './clogs.js';

/** The registry reports through Nest's logger: not here. */
function quiet(): ReloadRegistry {
  Nest.overrideLogger(false);
  return new ReloadRegistry({ logger: new NestLogger(), clock: new SystemClock() });
}

describe('a document that comes while running', () => {
  it('changes level, levels, redact and burst on existing loggers, bound fields included', async () => {
    const reload = quiet();
    await using app = await capturedClog({ level: 'info' }, { reload });
    const user = app.clog.logger('user').with({ email: 'a@b' });
    user.info('before');
    user.debug('unseen');
    const outcome = await reload.offer('clog', 'default', {
      revision: 1n,
      value: {
        level: 'error',
        levels: { user: 'debug' },
        redact: ['email'],
        burst: { perSecond: 1, first: 2 },
      },
    });
    expect(outcome).toMatchObject({ status: 'applied', restartRequired: [] });
    for (let line = 0; line < 5; line++) user.debug('after');
    app.clog.root.warn('unseen');
    expect(app.captured.lines.map(({ msg }) => msg)).toEqual(['before', 'after', 'after']);
    expect(app.captured.lines[0]).toMatchObject({ email: 'a@b' });
    expect(app.captured.last).toMatchObject({ email: '[Redacted]' });
  });

  it('is laid over what the code says', async () => {
    const reload = quiet();
    await using app = await capturedClog({ level: 'warn', redact: ['email'] }, { reload });
    await reload.offer('clog', 'default', { revision: 1n, value: { level: 'debug' } });
    app.clog.root.debug('x', { email: 'a@b' });
    expect(app.captured.last).toMatchObject({ email: '[Redacted]' });
    await reload.offer('clog', 'default', { revision: 2n, value: {} });
    expect(app.clog.level()).toBe('warn');
  });

  it('is refused whole when a field is wrong, and the last good one stays', async () => {
    const reload = quiet();
    await using app = await capturedClog({ level: 'info' }, { reload });
    await reload.offer('clog', 'default', { revision: 1n, value: { level: 'debug' } });
    const outcome = await reload.offer('clog', 'default', {
      revision: 2n,
      value: { level: 'warn', levels: { user: 'loud' }, http: { slowMs: -5 } },
    });
    expect(outcome.status).toBe('refused');
    expect(outcome.errors).toHaveLength(2);
    expect(app.clog.level()).toBe('debug');
    expect(await reload.offer('clog', 'default', { revision: 3n, value: null })).toMatchObject({
      status: 'refused',
    });
  });

  it('names structural fields that wait for a restart, and does nothing about them', async () => {
    const reload = quiet();
    await using app = await capturedClog({}, { reload });
    const value = {
      format: 'console',
      output: 'stderr',
      addSource: true,
      rotation: { maxSizeMb: 7 },
      level: 'info',
    };
    const outcome = await reload.offer('clog', 'default', { revision: 1n, value });
    expect(outcome).toMatchObject({
      status: 'applied',
      restartRequired: ['format', 'output', 'addSource', 'rotation'],
    });
    app.clog.root.info('still json');
    expect(app.captured.last).toMatchObject({ msg: 'still json' });
    expect(app.captured.last).not.toHaveProperty('source');
  });

  it('no longer comes after close', async () => {
    const reload = quiet();
    const app = await capturedClog({}, { reload });
    await app.clog.close();
    expect(reload.status()).toEqual([]);
  });
});
