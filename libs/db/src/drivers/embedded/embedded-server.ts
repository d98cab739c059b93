import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { InfraError, messageOf, SystemClock } from '@infra-kit/kernel';
import type { PostgresBinaries } from './postgres-binaries.js';
import { readPostmaster, type Postmaster } from './postmaster.js';
import { makeHome } from './server-home.js';
import { handOver, plainEnv, run, type ServerUser } from './server-user.js';
import { makeTemporaryFolder, sweepAbandoned } from './temporary-folder.js';

/** Where the server listens: a socket's folder, or a loopback address. */
export interface EmbeddedAddress {
  readonly host: string;
  readonly port: number;
}

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;
const POLL_MS = 10;
/** Shorter than what a Unix socket's path may have, its file name included. */
const LONGEST_SOCKET_FOLDER = 80;

interface ServerOptions {
  readonly binaries: PostgresBinaries;
  readonly user: ServerUser | undefined;
  /** Keeps the data; undefined: a temporary folder, gone after `stop`. */
  readonly dataDir: string | undefined;
}

/**
 * A PostgreSQL server on a folder: found running, or started. What was found running is somebody else's and stays;
 * what was started here is stopped by `stop`, and when this process exits.
 */
export class EmbeddedServer {
  readonly #options: ServerOptions;
  /** Another process is waited for: no test's clock moves it. */
  readonly #clock = new SystemClock();
  readonly #onExit = (): void => void this.#child?.kill('SIGINT');
  #child: ChildProcess | undefined;
  #temporary: readonly string[] = [];

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get owned(): boolean {
    return this.#child !== undefined;
  }

  async start(): Promise<EmbeddedAddress> {
    try {
      return await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends the server if it was started here, and waits for its end. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    process.removeListener('exit', this.#onExit);
    if (child?.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGINT'); // fast shutdown: open sessions are cut, data is written
      const late = this.#clock.setTimeout(() => child.kill('SIGQUIT'), STOP_LIMIT_MS);
      await gone;
      late[Symbol.dispose]();
    }
    const temporary = this.#temporary;
    this.#temporary = [];
    for (const folder of temporary) await rm(folder, { recursive: true, force: true });
  }

  async #start(): Promise<EmbeddedAddress> {
    const home = await this.#home();
    const data = join(home, 'data');
    const running = await readPostmaster(data);
    if (running !== undefined) return this.#adopt(data);
    await this.#initialise(home, data);
    return this.#launch(home, data);
  }

  async #home(): Promise<string> {
    const { dataDir, user } = this.#options;
    if (dataDir === undefined) {
      await sweepAbandoned();
      return this.#makeTemporary();
    }
    const home = resolve(dataDir);
    await makeHome(home, user);
    return home;
  }

  /** The folder's data, made once: under another name first, so that two who start at once do not meet half of it. */
  async #initialise(home: string, data: string): Promise<void> {
    if (await exists(join(data, 'PG_VERSION'))) return;
    const { binaries, user } = this.#options;
    const partial = join(home, `data.${process.pid}.partial`);
    await rm(partial, { recursive: true, force: true });
    const args = ['-D', partial, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    try {
      await run(binaries.initdb, args, user, home);
    } catch (error) {
      if (NAMELESS.test(messageOf(error))) throw nameless(user, error);
      throw failed(`its data folder could not be made in ${home}: ${messageOf(error)}`, error);
    }
    await rename(partial, data).catch(async (error: unknown) => {
      await rm(partial, { recursive: true, force: true });
      if (!(await exists(join(data, 'PG_VERSION')))) throw error;
    });
  }

  async #launch(home: string, data: string): Promise<EmbeddedAddress> {
    const { binaries, user } = this.#options;
    const where = await this.#listen(home);
    const logFile = join(home, 'postgres.log');
    const log = await open(logFile, 'a');
    const settings = [
      ...where,
      'synchronous_commit=off',
      'shared_buffers=32MB',
      'max_connections=100',
    ].flatMap((setting) => ['-c', setting]);
    const child = spawn(binaries.postgres, ['-D', data, ...settings], {
      ...user,
      cwd: home,
      env: plainEnv(),
      // a group of its own: Ctrl-C at the terminal is for the application, which stops the server when it has drained
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await log.close();
    this.#child = child;
    process.on('exit', this.#onExit);
    child.unref();
    try {
      return await this.#ready(data, child);
    } catch (error) {
      // two started at once on one folder: the later one gives way
      if (this.#child === undefined && (await readPostmaster(data)) !== undefined) return this.#adopt(data);
      const told = await readFile(logFile, 'utf8').catch(() => '');
      throw failed(`${messageOf(error)}; its log: ${told.trim().split('\n').slice(-3).join(' | ')}`, error);
    }
  }

  async #listen(home: string): Promise<string[]> {
    if (process.platform === 'win32')
      return ['listen_addresses=127.0.0.1', `port=${await freePort()}`, 'unix_socket_directories='];
    return ['listen_addresses=', 'port=5432', `unix_socket_directories=${await this.#socketFolder(home)}`];
  }

  async #socketFolder(home: string): Promise<string> {
    if (home.length <= LONGEST_SOCKET_FOLDER && !home.includes(',')) return home;
    return this.#makeTemporary();
  }

  async #makeTemporary(): Promise<string> {
    const made = await makeTemporaryFolder();
    this.#temporary = [...this.#temporary, made];
    await handOver(made, this.#options.user);
    return made;
  }

  async #ready(data: string, child: ChildProcess): Promise<EmbeddedAddress> {
    let spawnError: unknown;
    child.once('error', (error) => (spawnError = error));
    return this.#until(data, (found) => {
      if (spawnError !== undefined || child.exitCode !== null || child.signalCode !== null) {
        this.#child = undefined;
        throw spawnError ?? new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
      }
      return found?.pid === child.pid && found?.ready === true;
    });
  }

  #adopt(data: string): Promise<EmbeddedAddress> {
    return this.#until(data, (found) => {
      if (found === undefined) throw failed('the server that ran on its folder has ended; start again');
      return found.ready;
    });
  }

  async #until(data: string, done: (found: Postmaster | undefined) => boolean): Promise<EmbeddedAddress> {
    const clock = this.#clock;
    const end = clock.monotonic() + START_LIMIT_MS;
    for (;;) {
      const found = await readPostmaster(data);
      if (done(found) && found !== undefined) return { host: found.host, port: found.port };
      if (clock.monotonic() > end) throw failed(`it was not ready within ${START_LIMIT_MS / 1000} s`);
      await clock.sleep(POLL_MS);
    }
  }
}

/** initdb wants a name for whoever runs it, also when it is told one: a container under an arbitrary user id has none. */
const NAMELESS = /could not look up effective user/i;

function nameless(user: ServerUser | undefined, cause: unknown): InfraError {
  const uid = user?.uid ?? process.getuid?.();
  return new InfraError(
    'FAILED_PRECONDITION',
    `db: the embedded PostgreSQL cannot make its data folder as user ${uid}, who has no entry in /etc/passwd; add one, run as a user that has one, take embedded: 'pglite', or pass url to use a server`,
    { component: 'db', cause },
  );
}

function failed(what: string, cause?: unknown): InfraError {
  return new InfraError('UNAVAILABLE', `db: the embedded PostgreSQL did not start: ${what}`, {
    component: 'db',
    cause,
  });
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
