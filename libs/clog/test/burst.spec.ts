import { describe, expect, it } from '@jest/globals';
import { capturedClog } from './clogs.js';

const burst = { perSecond: 2, first: 3 };
const SUMMARY = 'identical messages were left out';

describe('burst', () => {
  it('writes every line when it is not configured (control)', async () => {
    await using app = await capturedClog();
    for (let line = 0; line < 1000; line++) app.clog.root.info('same');
    expect(app.captured.withMessage('same')).toHaveLength(1000);
  });

  it('writes the first, counts the rest and says how many', async () => {
    await using app = await capturedClog({ burst });
    const logger = app.clog.logger('db');
    for (let line = 0; line < 100; line++) logger.warn('pool exhausted', { line });
    expect(app.captured.withMessage('pool exhausted')).toHaveLength(3);
    await app.clock.advance(1000);
    expect(app.captured.withMessage(SUMMARY)).toEqual([
      expect.objectContaining({ level: 'warn', namespace: 'db', message: 'pool exhausted', suppressed: 97 }),
    ]);
  });

  it('lets the rate through in the long run', async () => {
    await using app = await capturedClog({ burst });
    for (let tick = 0; tick < 100; tick++) {
      app.clog.root.info('same');
      await app.clock.advance(100);
    }
    // 10 s at 2 a second beside the first 3
    const written = app.captured.withMessage('same').length;
    expect(written).toBeGreaterThanOrEqual(20);
    expect(written).toBeLessThanOrEqual(23);
  });

  it('counts other messages, namespaces and levels apart', async () => {
    await using app = await capturedClog({ burst: { perSecond: 1, first: 1 } });
    for (let line = 0; line < 5; line++) {
      app.clog.root.info('one');
      app.clog.root.info('two');
      app.clog.root.warn('one');
      app.clog.logger('x').info('one');
    }
    expect(app.captured.lines).toHaveLength(4);
  });

  it('never leaves out fatal', async () => {
    await using app = await capturedClog({ burst: { perSecond: 1, first: 1 } });
    for (let line = 0; line < 5; line++) app.clog.root.fatal('dying');
    expect(app.captured.withMessage('dying')).toHaveLength(5);
  });

  it('has one timer for any number of kinds, and none while nothing is left out', async () => {
    await using app = await capturedClog({ burst: { perSecond: 1, first: 1 } });
    for (let kind = 0; kind < 200; kind++) app.clog.root.info(`kind ${kind}`);
    expect(app.clock.pending).toBe(0);
    for (let kind = 0; kind < 200; kind++) app.clog.root.info(`kind ${kind}`);
    expect(app.clock.pending).toBe(1);
    await app.clock.advance(1000);
    expect(app.captured.withMessage(SUMMARY)).toHaveLength(200);
    expect(app.clock.pending).toBe(0);
  });

  it('is bounded: sums of forgotten kinds are still told', async () => {
    await using app = await capturedClog({ burst: { perSecond: 1, first: 1 } });
    for (let kind = 0; kind < 3000; kind++) {
      app.clog.root.info(`kind ${kind}`);
      app.clog.root.info(`kind ${kind}`);
    }
    await app.clog.flush();
    expect(app.captured.withMessage(SUMMARY)).toHaveLength(3000);
  });

  it('sums up on flush and on close', async () => {
    const app = await capturedClog({ burst: { perSecond: 1, first: 1 } });
    for (let line = 0; line < 3; line++) app.clog.root.info('same');
    await app.clog.flush();
    expect(app.captured.withMessage(SUMMARY)).toEqual([expect.objectContaining({ suppressed: 2 })]);
    app.clog.root.info('same');
    await app.clog.close();
    expect(app.captured.withMessage(SUMMARY)).toHaveLength(2);
    expect(app.clock.pending).toBe(0);
  });
});
