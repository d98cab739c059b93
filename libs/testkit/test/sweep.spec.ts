import { afterEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { isAlive, sweepLeftovers, until } from '@infra-kit/testkit';
import { readRecord } from '../src/process/run-folder.js';
import { type Runner, startRunner } from './runner.js';

describe('what a runner leaves behind', () => {
  let runner: Runner;

  afterEach(async () => {
    await runner.kill('SIGKILL');
    if (isAlive(runner.server.pid)) process.kill(-runner.server.pid, 'SIGKILL');
    await sweepLeftovers();
  });

  it('outlives a runner killed by SIGKILL, and is ended with its folder by the next sweep', async () => {
    runner = await startRunner('idle');
    await runner.kill('SIGKILL');
    await sweepLeftovers();
    expect(isAlive(runner.server.pid)).toBe(false);
    expect(existsSync(runner.server.folder)).toBe(false);
  });

  it('is left alone while its runner lives', async () => {
    runner = await startRunner('idle');
    await sweepLeftovers();
    expect(isAlive(runner.server.pid)).toBe(true);
    expect(existsSync(runner.server.folder)).toBe(true);
  });

  it('is ended also when it has no command line, as one that is still dying has none', async () => {
    runner = await startRunner('idle', 'nameless');
    await runner.kill('SIGKILL');
    await sweepLeftovers();
    expect(isAlive(runner.server.pid)).toBe(false);
  });

  it('is ended also when the runner had no time to record it', async () => {
    runner = await startRunner('idle', 'unrecorded');
    await runner.kill('SIGKILL');
    await sweepLeftovers();
    expect(isAlive(runner.server.pid)).toBe(false);
    expect(existsSync(runner.server.folder)).toBe(false);
  });

  it('is ended also when it is what a child of the runner has left', async () => {
    runner = await startRunner('nested');
    await runner.kill('SIGKILL');
    await sweepLeftovers();
    expect(isAlive(runner.server.pid)).toBe(false);
    expect(existsSync(runner.server.folder)).toBe(false);
  });

  it('is recorded whole at every moment', async () => {
    runner = await startRunner('idle', 'rewritten');
    for (let look = 0; look < 20_000; look++)
      expect(readRecord(runner.server.folder)?.pid).toBe(runner.server.pid);
  });

  it('is never a stranger: a process that began at another time than the recorded one survives the sweep', async () => {
    runner = await startRunner('idle', 'stranger');
    await runner.kill('SIGKILL');
    await sweepLeftovers();
    expect(isAlive(runner.server.pid)).toBe(true);
    expect(existsSync(runner.server.folder)).toBe(false);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'is nothing when the runner ends by %s',
    async (signal) => {
      runner = await startRunner('idle');
      await runner.kill(signal);
      await until('the server is dead', () => !isAlive(runner.server.pid));
      expect(existsSync(runner.server.folder)).toBe(false);
    },
  );

  it('is no process of its children when the runner ends by SIGTERM', async () => {
    runner = await startRunner('nested');
    await runner.kill('SIGTERM');
    await until('the server is dead', () => !isAlive(runner.server.pid));
  });
});
