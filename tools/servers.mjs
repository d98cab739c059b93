// The five servers for people at work on this machine.
//
//   npm run servers:up                           docker-compose.yml, on the usual ports; data is kept over down and up
//   npm run servers:native [-- redis postgres]   what tools/testbed-install.sh installed, on free ports, in the
//                                                foreground; data goes with it
//   npm run start:servers                        the demo on servers: those that the environment names (REDIS_URL, …),
//                                                and for what it does not name docker-compose.yml
//   npm run servers:down                         ends what one of the two has started, and nothing else
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isAlive,
  knownProcess,
  launchNatively,
  runsRoot,
  SERVER_KINDS,
  SERVERS,
  sweepLeftovers,
  until,
} from '@infra-kit/testkit';

const COMPOSE = ['compose', '--file', join(import.meta.dirname, '../docker-compose.yml')];
/** Who runs servers natively, so that `down` can end it. */
const RECORD = join(runsRoot(), 'servers-native.json');

function refuse(sentence) {
  console.error(sentence);
  process.exit(1);
}

function docker(...args) {
  return spawnSync('docker', args, { stdio: 'inherit' }).status === 0;
}

function engineAnswers() {
  return spawnSync('docker', ['version'], { stdio: 'ignore' }).status === 0;
}

/** Addresses as the tests want them (INFRA_TEST_REDIS_URL) and as services do (REDIS_URL). */
function printAddresses(urls) {
  console.log();
  for (const [kind, url] of urls) {
    console.log(`export ${SERVERS[kind].variable}=${url} ${serviceVariable(kind)}=${url}`);
  }
  console.log();
}

/** As a service reads it: REDIS_URL. */
const serviceVariable = (kind) => SERVERS[kind].variable.replace('INFRA_TEST_', '');

function composeUp() {
  if (!engineAnswers())
    refuse(
      'No Docker engine answers here. npm run servers:native needs none: it runs what tools/testbed-install.sh installs.',
    );
  if (!docker(...COMPOSE, 'up', '--detach', '--wait'))
    refuse('docker compose did not bring all five up; what it said is above.');
  return SERVER_KINDS.map((kind) => [kind, SERVERS[kind].url('127.0.0.1', SERVERS[kind].container.port)]);
}

async function startDemo() {
  const missing = SERVER_KINDS.filter((kind) => !process.env[serviceVariable(kind)]?.trim());
  if (missing.length > 0 && !engineAnswers())
    refuse(
      `Set ${missing.map(serviceVariable).join(', ')}, or start Docker, which brings them. Without either, npm start runs embedded.`,
    );
  const compose = new Map(missing.length > 0 ? composeUp() : []);
  for (const kind of missing) process.env[serviceVariable(kind)] = compose.get(kind);
  await import('../apps/demo/dist/main.js');
}

/** The living process that runs servers natively, if there is one: a recycled id is not it. */
function nativeRun() {
  try {
    const { pid, started } = JSON.parse(readFileSync(RECORD, 'utf8'));
    return knownProcess(pid)?.started === started ? pid : undefined;
  } catch {
    return undefined;
  }
}

async function down() {
  const pid = nativeRun();
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    await until(`${pid} and its servers end`, () => !isAlive(pid));
    console.log(`ended the servers of process ${pid}`);
  }
  for (const { kind, pid: left } of await sweepLeftovers())
    console.log(`ended ${kind} ${left}, left by a killed run`);
  rmSync(RECORD, { force: true });
  if (engineAnswers()) docker(...COMPOSE, 'down');
  else if (pid === undefined) console.log('nothing of ours runs');
}

async function native(kinds) {
  const unknown = kinds.filter((kind) => !SERVER_KINDS.includes(kind));
  if (unknown.length > 0)
    refuse(`there is no server called '${unknown.join("', '")}'; there are ${SERVER_KINDS.join(', ')}.`);
  const already = nativeRun();
  if (already !== undefined)
    refuse(`process ${already} runs servers already; npm run servers:down ends them.`);
  mkdirSync(runsRoot(), { recursive: true });
  writeFileSync(RECORD, JSON.stringify(knownProcess(process.pid)));
  process.once('exit', () => rmSync(RECORD, { force: true }));
  await sweepLeftovers();
  console.log(`starting ${kinds.join(', ')} …`);
  const started = await Promise.all(
    kinds.map(async (kind) => {
      const server = await launchNatively(kind);
      console.log(`${kind.padEnd(14)} process ${server.pid}, ${server.version ?? server.url}`);
      return [kind, server.url];
    }),
  ).catch((error) => refuse(error.message));
  // after testkit's own listeners, which have ended the servers by then
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(0));
  printAddresses(started);
  console.log('Ctrl-C or npm run servers:down ends them; their data goes with them.');
  setInterval(() => {}, 2 ** 30);
}

const [command, ...kinds] = process.argv.slice(2);
const commands = {
  up: () => printAddresses(composeUp()),
  start: startDemo,
  down,
  native: () => native(kinds.length > 0 ? kinds : SERVER_KINDS),
};
if (!(command in commands))
  refuse(`servers.mjs: one of ${Object.keys(commands).join(', ')}, not '${command}'`);
await commands[command]();
