import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger as NestLog, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@infra-kit/kernel/testing';
import { InfraKitModule, type InfraKitOptions } from '../src/index.js';

let app: INestApplicationContext | undefined;
afterEach(async () => {
  jest.restoreAllMocks();
  await app?.close();
});

/** What an application writes to its output while it starts. */
async function outputOf(options: InfraKitOptions): Promise<string> {
  let output = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    output += String(chunk);
    return true;
  });
  app = await NestFactory.createApplicationContext(InfraKitModule.forRoot(options), { logger: false });
  return output;
}

describe('at start', () => {
  it('people get one table of which component runs on what', async () => {
    const output = await outputOf({
      env: 'development',
      service: 'shop',
      uid: { instanceId: 7 },
      cache: [{}, { name: 'sessions' }],
    });
    expect(output).toMatch(
      /^\nshop \(development\)\n {2}uid +instanceId 7.*\n {2}cache +memory\n {2}cache:sessions +memory\n\n$/,
    );
  });

  it('machines get it as one line through the logger', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'infra-kit-report-'));
    try {
      const file = join(folder, 'log');
      expect(
        await outputOf({ env: 'development', clog: { format: 'json', output: file }, cache: true }),
      ).toBe('');
      const lines = readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(lines.filter(({ msg }) => msg === 'components')).toMatchObject([
        { components: [{ component: 'clog' }, { component: 'cache', runsOn: 'memory', status: 'up' }] },
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('tests get nothing', async () => {
    expect(await outputOf({ env: 'test', cache: true })).toBe('');
  });
});

describe('without shutdown hooks', () => {
  it('one warning names them', async () => {
    const warnings: string[] = [];
    const warn = jest
      .spyOn(NestLog, 'warn')
      .mockImplementation((message: unknown) => void warnings.push(String(message)));
    const listeners = process.listeners('SIGTERM');
    process.removeAllListeners('SIGTERM');
    const interrupts = process.listeners('SIGINT');
    process.removeAllListeners('SIGINT');
    try {
      await outputOf({ env: 'development' });
      await eventually(() =>
        expect(warnings.filter((text) => text.includes('enableShutdownHooks'))).toHaveLength(1),
      );
    } finally {
      for (const listener of listeners) process.on('SIGTERM', listener);
      for (const listener of interrupts) process.on('SIGINT', listener);
      warn.mockRestore();
    }
  });
});
