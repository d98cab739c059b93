import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, object>;
const ALLOWED = [
  '@nestjs/common',
  '@nestjs/core',
  '@opentelemetry/api',
  'class-transformer',
  'class-validator',
  'reflect-metadata',
  'rxjs',
];

it('has no dependency but the peers that every Nest service has, @opentelemetry/api, class-validator and class-transformer', () => {
  expect(manifest['dependencies']).toBeUndefined();
  expect(Object.keys(manifest['peerDependencies'] ?? {})).toEqual(ALLOWED);
});

it('imports nothing else', () => {
  const imported = new Set<string>();
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    for (const [, name] of readFileSync(join(root, 'src', file), 'utf8').matchAll(/from '([^.'][^']*)'/g))
      imported.add(name ?? '');
  }
  const foreign = [...imported].filter((name) => !name.startsWith('node:') && !ALLOWED.includes(name));
  expect(foreign).toEqual([]);
});
