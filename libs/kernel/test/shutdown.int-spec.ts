import { describe, expect, it } from '@jest/globals';
import { runFixture } from './child.js';

const ORDER = (signal: string): string[] => [
  'ready',
  'destroy: open',
  'intake closed',
  `shutdown by ${signal}: open`,
  'connections closed',
];

describe('a process that is told to end', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s closes everything in order and exits with 0',
    async (signal) => {
      const ended = await runFixture('service.mjs', [], (line, child) => {
        if (line === 'ready') child.kill(signal);
      });
      expect(ended).toEqual({ code: 0, signal: null, lines: ORDER(signal), stderr: '' });
    },
  );

  it('ends although its closers hang, and says which', async () => {
    const ended = await runFixture('service.mjs', ['stuck'], (line, child) => {
      if (line === 'ready') child.kill('SIGTERM');
    });
    expect([ended.code, ended.lines]).toEqual([0, ORDER('SIGTERM')]);
    expect(ended.stderr).toMatch(/a resource did not close \{"resource":"intake".*"outcome":"timed-out"/);
    expect(ended.stderr).toMatch(/a resource did not close \{"resource":"connections"/);
  });

  it('control: without the shutdown hooks of Nest nothing is closed', async () => {
    const ended = await runFixture('service.mjs', ['unhooked'], (line, child) => {
      if (line === 'ready') child.kill('SIGTERM');
    });
    expect(ended).toMatchObject({ code: null, signal: 'SIGTERM', lines: ['ready'] });
  });
});
