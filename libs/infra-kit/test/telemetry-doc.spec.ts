import { describe, expect, it } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { declaredNames, emittedInstruments } from './emitted-instruments.js';

const ROOT = join(import.meta.dirname, '../../..');
const DOC = readFileSync(join(ROOT, 'docs/telemetry.md'), 'utf8');

/** The rows of the tables below a heading: their cells without code marks. */
function rowsBelow(heading: string): string[][] {
  const [, section = ''] = DOC.split(`\n## ${heading}\n`);
  const [body = ''] = section.split('\n## ');
  return body
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

/** Every source of a package in one text. */
function sourcesOf(scope: string): string {
  const [, name = ''] = /^(?:@infra-kit\/|infra-kit\.)(\w+)/.exec(scope) ?? [];
  return globSync(`libs/${name}/src/**/*.ts`, { cwd: ROOT })
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n');
}

describe('docs/telemetry.md', () => {
  const instruments = rowsBelow('Instruments');

  it('lists every instrument of the suite with its kind and unit, and no other', async () => {
    const emitted = (await emittedInstruments()).map(({ scope, name, kind, unit }) =>
      [name, kind, unit, scope].join(' '),
    );
    const listed = instruments.map(([name, kind, unit, , scope]) => [name, kind, unit, scope].join(' '));
    expect(new Set(listed)).toEqual(new Set(emitted));
    expect(listed).toHaveLength(emitted.length);
    // what a telemetry file names is among them: nothing has been overlooked above
    const names = new Set(instruments.map(([name]) => name));
    expect([...(await declaredNames())].filter((name) => !names.has(name))).toEqual([]);
  });

  it('names labels that stand in the sources of the package that emits them', () => {
    for (const [name, , , labels = '', scope = ''] of instruments) {
      const sources = sourcesOf(scope);
      for (const label of labels
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== '' && one !== '–'))
        expect([name, label, new RegExp(`\\b${label.replaceAll('.', '\\.')}\\b`).test(sources)]).toEqual([
          name,
          label,
          true,
        ]);
    }
  });

  it('lists every place of the sources that makes spans', () => {
    const places = globSync('libs/*/src/**/*.ts', { cwd: ROOT }).filter((file) =>
      /\.(startSpan|startActiveSpan)\(/.test(readFileSync(join(ROOT, file), 'utf8')),
    );
    const listed = new Set(rowsBelow('Spans').map(([, , , place]) => place));
    expect(listed).toEqual(new Set(places));
  });
});
