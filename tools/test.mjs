// What `npm test` runs: finds the servers this machine can give, then jest over the suites that have theirs.
//
//   npm test                                  all three projects
//   npm test -- libs/cache -t 'expires'       arguments go on to jest
//   npm test -- --select unit                 one project: unit, integration or e2e
//   INFRA_TEST_REQUIRE=redis,etcd npm test    leaving a suite of these servers out is a failure
import { spawn } from 'node:child_process';
import { globSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { endWithThisProcess, SERVER_KINDS, SHAREABLE, sweepLeftovers } from '@infra-kit/testkit';

const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  `--import=${pathToFileURL(join(import.meta.dirname, 'compile-once.mjs')).href}`,
  'node_modules/jest/bin/jest.js',
];
/** What Node compiled of jest and of the packages, for the hundreds of processes that suites start. */
const COMPILED = join(import.meta.dirname, '../node_modules/.cache/compiled');
const SUFFIX = { unit: 'spec', integration: 'int-spec', e2e: 'e2e-spec' };
const VALUELESS = new Set([
  '--bail',
  '--coverage',
  '--listTests',
  '--runInBand',
  '-i',
  '--silent',
  '--verbose',
]);
const TAG = new RegExp(`^(${[...SHAREABLE.keys()].join('|')})(-fault|-native)?$`);

/** Ends the run before jest: a sentence, then the one line every run ends with. */
function refuse(sentence) {
  writeSync(2, `${sentence}\n`);
  writeSync(1, '\n0 passed, 1 failed\n');
  process.exit(1);
}

/** --select is ours, all else is jest's. */
function parseArguments(argv) {
  const select = [];
  const rest = [];
  for (let at = 0; at < argv.length; at++) {
    const [flag, value] = argv[at].split('=', 2);
    if (flag === '--select') select.push(...(value ?? argv[++at] ?? '').split(','));
    else rest.push(argv[at]);
  }
  const unknown = select.filter((name) => !(name in SUFFIX));
  if (unknown.length > 0)
    refuse(
      `--select: there is no project '${unknown.join("', '")}'; there are ${Object.keys(SUFFIX).join(', ')}.`,
    );
  return { projects: select.length > 0 ? select : Object.keys(SUFFIX), rest };
}

function requiredKinds() {
  const names = (process.env.INFRA_TEST_REQUIRE ?? '').split(',').map((name) => name.trim());
  const required = names.filter((name) => name !== '');
  const unknown = required.filter((name) => !SERVER_KINDS.includes(name));
  if (unknown.length > 0)
    refuse(
      `INFRA_TEST_REQUIRE: no server is called '${unknown.join("', '")}'; known are ${SERVER_KINDS.join(', ')}.`,
    );
  return required;
}

/** cart.redis.etcd-fault.int-spec.ts → [{ name: 'redis', use: 'shared' }, { name: 'etcd', use: 'fault' }] */
function needsOf(file) {
  const parts = file.split('/').at(-1).split('.').slice(1, -2);
  return parts.flatMap((part) => {
    const [, name, use = '-shared'] = TAG.exec(part) ?? [];
    return name === undefined ? [] : [{ name, use: use.slice(1) }];
  });
}

/** The arguments of jest that are paths: what follows a flag is its value, unless the flag takes none. */
function pathsIn(rest) {
  return rest.filter((argument, at) => {
    const before = rest[at - 1] ?? '';
    return !argument.startsWith('-') && (!before.startsWith('-') || VALUELESS.has(before));
  });
}

/** The suites that want a server, of the selected projects, as far as path arguments let them run. */
function serverSuites({ projects, rest }) {
  const paths = pathsIn(rest);
  return projects
    .flatMap((project) => globSync(`{libs,apps}/*/test/**/*.${SUFFIX[project]}.ts`))
    .map((file) => ({ file: file.replaceAll('\\', '/') }))
    .filter(({ file }) => paths.length === 0 || paths.some((path) => new RegExp(path, 'i').test(file)))
    .map(({ file }) => ({ file, needs: needsOf(file) }))
    .filter(({ needs }) => needs.length > 0)
    .toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

function withoutPassword(url) {
  return url.replace(/\/\/[^/@]*@/g, '//***@');
}

/** What a name is run on: a shared server, own ones of fault and native suites; and why there is none, by use. */
async function provide(name, uses) {
  const { kind, variable, missing, ...how } = SHAREABLE.get(name);
  const source = await how.source();
  const why = {};
  if (uses.has('fault') && source === undefined)
    why.fault = `fault suites hurt a server of their own, and ${missing}`;
  if (uses.has('native')) why.native = how.missingNatively();
  if (uses.has('shared') && source === undefined && !process.env[variable])
    why.shared = `${missing}, and ${variable} is not set`;
  const found = { name, kind, variable, server: undefined, source, why };
  try {
    if (uses.has('shared') && why.shared === undefined) found.server = await how.acquire();
    else if (source !== undefined) await how.warmUp(); // once, before suites start theirs beside each other
  } catch (error) {
    const reason = error.message.trim();
    if (uses.has('shared')) why.shared = reason;
    else why.fault = why.native = reason;
  }
  return found;
}

function describe({ server, source, why }) {
  if (why.shared !== undefined) return ['LEFT OUT', why.shared];
  const lacking = ['fault', 'native'].filter((use) => why[use] !== undefined);
  if (server === undefined && lacking.length > 0) return ['LEFT OUT', why[lacking[0]]];
  if (server === undefined) return [source, 'launched by the suites that hurt it'];
  const version = server.version === undefined ? '' : ` (${server.version})`;
  const own = lacking.map((use) => `; ${use.toUpperCase()} SUITES LEFT OUT`).join('');
  return [server.source, withoutPassword(server.url) + version + own];
}

/** Why a suite cannot run, or undefined when it can. */
function whyLeftOut(suite, servers) {
  for (const { name, use } of suite.needs) {
    const why = servers.get(name).why[use];
    if (why !== undefined) return { ...suite, name, why };
  }
  return undefined;
}

function printServers(servers, milliseconds) {
  console.log(`servers, there after ${(milliseconds / 1000).toFixed(1)} s`);
  for (const name of SHAREABLE.keys()) {
    const found = servers.get(name);
    const [how, what] = found === undefined ? ['-', 'no suite of this run wants it'] : describe(found);
    console.log(`  ${name.padEnd(14)} ${how.padEnd(10)} ${what}`);
  }
  console.log();
}

function printLeftOut(leftOut) {
  for (const { file, name, why } of leftOut)
    console.log(`!! LEFT OUT  ${file}\n!!           no ${name}: ${why}`);
  if (leftOut.length > 0)
    console.log(`!! ${leftOut.length} suites left out. tools/testbed-install.sh installs what they want.\n`);
}

function addressesFor(servers) {
  const started = [...servers.values()].filter(({ server }) => server !== undefined);
  return Object.fromEntries(started.map(({ variable, server }) => [variable, server.url]));
}

/** Runs jest and resolves with its exit code. With this process it ends, and with it its workers and their children. */
function runJest(args, env) {
  return new Promise((resolve, reject) => {
    const jest = spawn(process.execPath, [...JEST, ...args], {
      stdio: 'inherit',
      env: { NODE_COMPILE_CACHE: COMPILED, ...process.env, ...env },
    });
    let by;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => (by = signal));
    jest.once('error', reject);
    jest.once('exit', (code, signal) => resolve(by || signal ? 128 + constants.signals[by ?? signal] : code));
    if (jest.pid !== undefined) endWithThisProcess('jest', jest.pid);
  });
}

process.chdir(join(import.meta.dirname, '..'));
const run = parseArguments(process.argv.slice(2));
const required = requiredKinds();
await sweepLeftovers();

const suites = serverSuites(run);
const needs = suites.flatMap((suite) => suite.needs);
const servers = new Map();
try {
  const wanted = [...SHAREABLE.keys()]
    .map((name) => [name, needs.filter((need) => need.name === name).map(({ use }) => use)])
    .map(([name, uses]) => [name, new Set(required.includes(name) ? [...uses, 'shared'] : uses)])
    .filter(([, uses]) => uses.size > 0);
  const begun = performance.now();
  await Promise.all(wanted.map(async ([name, uses]) => servers.set(name, await provide(name, uses))));
  printServers(servers, performance.now() - begun);
  // a suite that wants the server native beside a container asks for more than the server
  const missing = [...servers.values()]
    .filter(({ kind }) => required.includes(kind))
    .flatMap(({ name, why }) => {
      const reason = why.shared ?? why.fault;
      return reason === undefined ? [] : [`${name}: ${reason}`];
    });
  if (missing.length > 0)
    refuse(
      `INFRA_TEST_REQUIRE names what cannot be had.\n  ${missing.join('\n  ')}\nRun tools/testbed-install.sh.`,
    );
  const leftOut = suites.map((suite) => whyLeftOut(suite, servers)).filter((suite) => suite !== undefined);
  printLeftOut(leftOut);

  const ignored = leftOut.map(({ file }) => `--testPathIgnorePatterns=/${RegExp.escape(file)}$`);
  // an array option of jest swallows what follows it, so each of ours is closed by the next flag
  const args = [...ignored, '--selectProjects', ...run.projects, '--config=jest.config.js', ...run.rest];
  process.exitCode = await runJest(args, addressesFor(servers));
} finally {
  await Promise.all([...servers.values()].map(({ server }) => server?.stop()));
  await sweepLeftovers();
}
