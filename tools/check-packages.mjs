// Every exports target exists; every public library packs, installs into a consumer outside the repository, and imports.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const targetsOf = (target) =>
  typeof target === 'string' ? [target] : Object.values(target).flatMap(targetsOf);

const libs = readdirSync(join(root, 'libs'))
  .map((name) => ({ dir: join(root, 'libs', name), pkg: readJson(join(root, 'libs', name, 'package.json')) }))
  .filter(({ pkg }) => !pkg.private);

function exportProblems({ dir, pkg }) {
  return Object.entries(pkg.exports).flatMap(([entry, target]) => [
    ...(typeof target === 'object' && Object.keys(target)[0] !== 'types'
      ? [`${pkg.name} ${entry}: "types" must come first`]
      : []),
    ...targetsOf(target)
      .filter((file) => !existsSync(join(dir, file)))
      .map((file) => `${pkg.name} ${entry}: ${file} is missing`),
  ]);
}

/** Editors, type checks and the layer law see sources through the paths of tsconfig.json: one a declared entry. */
function pathProblems({ dir, pkg }) {
  const { paths } = readJson(join(root, 'tsconfig.json')).compilerOptions;
  return Object.entries(pkg.exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([entry, target]) => ({
      name: pkg.name + entry.slice(1),
      source: `./${relative(root, dir)}/${target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts')}`,
    }))
    .filter(({ name, source }) => paths[name]?.[0] !== source)
    .map(({ name, source }) => `tsconfig.json: paths lacks "${name}": ["${source}"]`);
}

function tarballProblems(tarball) {
  const have = new Set(tarball.files.map(({ path }) => `./${path}`));
  const { pkg } = libs.find(({ pkg: { name } }) => name === tarball.name);
  const missing = Object.values(pkg.exports)
    .flatMap(targetsOf)
    .filter((file) => !have.has(file))
    .map((file) => `${tarball.name}: ${file} is not in the tarball`);
  const foreign = tarball.files
    .filter(({ path }) => /spec\.|tsbuildinfo|(?<!\.d)\.ts$/.test(path))
    .map(({ path }) => `${tarball.name}: ${path} should not ship`);
  return [...missing, ...foreign];
}

function npm(args, cwd) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The peers of all packages at the versions of the lockfile. */
function peersOf(packages) {
  const locked = readJson(join(root, 'package-lock.json')).packages;
  const names = new Set(packages.flatMap(({ pkg }) => Object.keys(pkg.peerDependencies ?? {})));
  return Object.fromEntries([...names].map((name) => [name, locked[`node_modules/${name}`].version]));
}

function importAll(scratch) {
  const specifiers = libs.flatMap(({ pkg }) =>
    Object.keys(pkg.exports)
      .filter((entry) => entry !== './package.json')
      .map((entry) => pkg.name + entry.slice(1)),
  );
  const lines = specifiers.map((specifier, index) => {
    const name = JSON.stringify(specifier);
    return `import * as m${index} from ${name}; if (Object.keys(m${index}).length === 0) throw new Error(${name} + ' exports nothing');`;
  });
  const run = (args) => execFileSync(process.execPath, args, { cwd: scratch, stdio: 'inherit' });
  run(['--input-type=module', '-e', lines.join('\n')]);
  run(['-e', specifiers.map((specifier) => `require(${JSON.stringify(specifier)})`).join(';')]);
  return specifiers.length;
}

const problems = [...libs.flatMap(exportProblems), ...libs.flatMap(pathProblems)];
const scratch = mkdtempSync(join(tmpdir(), 'infra-kit-consumer-'));
try {
  const wanted = libs.flatMap(({ pkg }) => ['--workspace', pkg.name]);
  const output = npm(['pack', '--json', ...wanted, '--pack-destination', scratch], root);
  const tarballs = Object.values(JSON.parse(output.replace(/^[^[{]*/, ''))).flat();
  problems.push(...tarballs.flatMap(tarballProblems));
  const files = Object.fromEntries(tarballs.map(({ name, filename }) => [name, `file:./${filename}`]));
  const manifest = { private: true, type: 'module', dependencies: { ...files, ...peersOf(libs) } };
  writeFileSync(join(scratch, 'package.json'), JSON.stringify(manifest));
  npm(
    ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'],
    scratch,
  );
  if (problems.length === 0)
    console.log(
      `${tarballs.length} packages, ${importAll(scratch)} entries imported and required by a consumer`,
    );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
