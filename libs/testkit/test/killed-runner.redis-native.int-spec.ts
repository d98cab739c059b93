import { describe, expect, it } from '@jest/globals';
import { isAlive, sweepLeftovers } from '@infra-kit/testkit';
import { startRunner } from './runner.js';

describe('a Redis whose runner was killed', () => {
  it('outlives it, and is ended by the next sweep', async () => {
    const runner = await startRunner('redis');
    await runner.kill('SIGKILL');
    expect(isAlive(runner.server.pid)).toBe(true);
    await sweepLeftovers();
    expect(isAlive(runner.server.pid)).toBe(false);
  });
});
