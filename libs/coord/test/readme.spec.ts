import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

it.each([
  { at: 0, name: 'readme-example.ts', prints: 'true true\n42\nhost-1\n1\n' },
  { at: 1, name: 'readme-configuration.ts', prints: '10 fallback\n25 remote\n10.0.0.7:8080\n' },
])('the example $at of the README runs as it stands', async ({ at, name, prints }) => {
  const example = join(import.meta.dirname, 'fixtures', name);
  const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
  const shown = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text]) => text);
  expect(shown[at]).toBe(readFileSync(example, 'utf8'));
  const args = ['--disable-warning=ExperimentalWarning', example];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toBe(prints);
});
