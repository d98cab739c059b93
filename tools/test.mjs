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
import { endWithThisProcess, SERVER_KINDS, SHAREABLE, sweepLeftovers } from '@infra-kit/testkit';

const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
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
const TAG = new RegExp(`^(${[...SHAREABLE.keys()].join('|')})(-fault)?$`);

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

/** cart.redis.etcd-fault.int-spec.ts → [{ name: 'redis', fault: false }, { name: 'etcd', fault: true }] */
function needsOf(file) {
  const parts = file.split('/').at(-1).split('.').slice(1, -2);
  return parts.flatMap((part) => {
    const match = TAG.exec(part);
    return match === null ? [] : [{ name: match[1], fault: match[2] !== undefined }];
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

/** What a name is run on: a shared server, an own one for fault suites, or the reason why there is none. */
async function provide(name, { shared, launched }) {
  const { kind, variable, missing, ...how } = SHAREABLE.get(name);
  const source = await how.source();
  const found = {
    name,
    kind,
    variable,
    server: undefined,
    source,
    reason: undefined,
    faultReason: undefined,
  };
  if (launched && source === undefined)
    found.faultReason = `fault suites hurt a server of their own, and ${missing}`;
  if (shared && source === undefined && !process.env[variable])
    return { ...found, reason: `${missing}, and ${variable} is not set` };
  try {
    if (shared) return { ...found, server: await how.acquire() };
    if (launched) await how.warmUp(); // once, before the suites start theirs beside each other
    return found;
  } catch (error) {
    const reason = error.message.trim();
    return shared ? { ...found, reason } : { ...found, faultReason: reason };
  }
}

function describe({ server, source, reason, faultReason }) {
  if (reason !== undefined) return ['LEFT OUT', reason];
  if (server !== undefined) {
    const version = server.version === undefined ? '' : ` (${server.version})`;
    const own = faultReason === undefined ? '' : '; FAULT SUITES LEFT OUT';
    return [server.source, withoutPassword(server.url) + version + own];
  }
  return faultReason === undefined ? [source, 'launched by the fault suites'] : ['LEFT OUT', faultReason];
}

/** Why a suite cannot run, or undefined when it can. */
function whyLeftOut(suite, servers) {
  for (const { name, fault } of suite.needs) {
    const { reason, faultReason } = servers.get(name);
    const why = fault ? faultReason : reason;
    if (why !== undefined) return { ...suite, name, why };
  }
  return undefined;
}

function printServers(servers) {
  console.log('servers');
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
      env: { ...process.env, ...env },
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
    .map((name) => ({
      name,
      launched: needs.some((need) => need.name === name && need.fault),
      shared: required.includes(name) || needs.some((need) => need.name === name && !need.fault),
    }))
    .filter(({ launched, shared }) => launched || shared);
  await Promise.all(wanted.map(async ({ name, ...how }) => servers.set(name, await provide(name, how))));
  printServers(servers);
  const missing = [...servers.values()]
    .filter(({ kind }) => required.includes(kind))
    .flatMap(({ name, reason, faultReason }) =>
      (reason ?? faultReason) === undefined ? [] : [`${name}: ${reason ?? faultReason}`],
    );
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
