import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = import.meta.dirname;

const swc = [
  '@swc/jest',
  {
    swcrc: false,
    sourceMaps: 'inline',
    module: { type: 'es6' },
    jsc: {
      target: 'es2023',
      keepClassNames: true,
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
    },
  },
];

/** Each declared entry of each package, seen as its source: '@infra-kit/cache/redis' → libs/cache/src/drivers/redis/index.ts. */
const entries = Object.fromEntries(
  readdirSync(join(root, 'libs')).flatMap((dir) => {
    const pkg = JSON.parse(readFileSync(join(root, 'libs', dir, 'package.json'), 'utf8'));
    return Object.entries(pkg.exports)
      .filter(([, target]) => typeof target === 'object')
      .map(([entry, target]) => [
        `^${pkg.name}${entry.slice(1)}$`,
        `<rootDir>/libs/${dir}/${target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts')}`,
      ]);
  }),
);

const project = (displayName, suffix) => ({
  displayName,
  rootDir: root,
  roots: ['<rootDir>/libs', '<rootDir>/apps'],
  testEnvironment: 'node',
  testMatch: [`**/test/**/*.${suffix}.ts`],
  modulePathIgnorePatterns: ['<rootDir>/(libs|apps)/[^/]+/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': swc },
  moduleNameMapper: { ...entries, '^(\\.{1,2}/.*)\\.js$': '$1' },
});

export default {
  projects: [project('unit', 'spec'), project('integration', 'int-spec'), project('e2e', 'e2e-spec')],
  // no more than processors: a process that stands still for a second loses what it leases
  maxWorkers: process.env.JEST_WORKERS ?? availableParallelism(),
  testSequencer: '<rootDir>/tools/longest-first.mjs',
  // ES modules of finished files stay in a worker's heap; a full collection of gigabytes stops every test in it for seconds
  workerIdleMemoryLimit: '600MB',
  watchman: false,
  testTimeout: 30_000,
  reporters: ['default', '<rootDir>/tools/summary-reporter.mjs'],
  coverageProvider: 'babel',
  coverageDirectory: 'coverage',
  collectCoverageFrom: ['libs/*/src/**/*.ts', '!libs/testkit/**', '!**/index.ts'],
};
