import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const PACKAGE = join(import.meta.dirname, '..');

it('the first example of the README runs as it stands', () => {
  const [, example = ''] = /```ts\n(.*?)```/s.exec(readFileSync(join(PACKAGE, 'README.md'), 'utf8')) ?? [];
  const output = execFileSync(process.execPath, ['--input-type=module-typescript', '--eval', example], {
    cwd: PACKAGE,
    encoding: 'utf8',
  });
  expect(output).toBe('DEADLINE_EXCEEDED 32\nconsumer stopped\npool closed\n');
});
