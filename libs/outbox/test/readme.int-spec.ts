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
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', example],
    { env: { ...process.env, INFRA_ENV: 'test', DATABASE_URL: '', KAFKA_BROKERS: '' } },
  );
  const said = stdout.split('\n').filter((line) => !line.includes('slow query')); // on a busy machine
  expect(said.join('\n')).toBe('o-7 true\n');
}, 120_000);
