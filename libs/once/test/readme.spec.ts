import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

const example = join(import.meta.dirname, 'fixtures', 'readme-example.ts');

it('the first example of the README runs as it stands', async () => {
  const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
  const [, shown] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(shown).toBe(readFileSync(example, 'utf8'));
  const { NODE_ENV: _unset, INFRA_ENV: _too, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', example],
    { env },
  );
  expect(stdout).toBe(
    '{ value: { charged: 500 }, replayed: false }\n{ value: { charged: 500 }, replayed: true }\n',
  );
});
