import { execFile, execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newServerFolder, releaseFolder } from '../process/run-folder.js';
import { copyTree, template } from '../testbed/template.js';
import { giveTo, unprivilegedUser } from '../testbed/unprivileged.js';
import { placeOf } from './address.js';
import { findBinary, USUAL_FOLDERS } from './find-binary.js';
import type { NativeProgram, ServerRecipe } from './server-recipe.js';

const PROBE_TIMEOUT_MS = 1_000;
const PROTOCOL_3 = 196_608;
const STARTING_UP = '57P03';

/**
 * A StartupMessage, as pg_isready sends it. Every answer but "the database system is starting up" is one of a server
 * that takes clients: passwords and encryption are the business of whoever connects.
 */
function isAccepting(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(placeOf(url, 5432));
    const answer = (accepts: boolean): void => {
      socket.destroy();
      resolve(accepts);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => answer(false));
    socket.once('error', () => answer(false));
    socket.once('close', () => answer(false));
    socket.once('connect', () => socket.write(startupMessage()));
    socket.once('data', (chunk) => {
      const refused = chunk[0] === 'E'.charCodeAt(0);
      answer(!refused || !chunk.toString('latin1').includes(STARTING_UP));
    });
  });
}

function startupMessage(): Buffer {
  const body = Buffer.from('user\0postgres\0database\0postgres\0\0');
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(PROTOCOL_3, 4);
  return Buffer.concat([head, body]);
}

/**
 * Nothing waits for the disk, and nothing happens by itself. A commit is still written to the kernel before it is
 * acknowledged (synchronous_commit stays on): it survives kill(), not a loss of power.
 */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  shared_buffers: '32MB',
  max_connections: '200',
};

function flags(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Debian keeps each version in a folder of its own, outside PATH: the newest first. */
function binaryFolders(): readonly string[] {
  const root = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(root).toSorted((a, b) => Number(b) - Number(a));
    return [...versions.map((version) => join(root, version, 'bin')), ...USUAL_FOLDERS];
  } catch {
    return USUAL_FOLDERS;
  }
}

function program(postgres: string, initdb: string): NativeProgram {
  const user = unprivilegedUser('postgres');
  const version = execFileSync(postgres, ['--version'], { encoding: 'utf8' }).trim();

  async function initialise(path: string): Promise<void> {
    const folder = newServerFolder('initdb');
    giveTo(user, folder);
    const data = join(folder, 'data');
    const settings = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale', 'C', '--no-sync'];
    await promisify(execFile)(initdb, ['-D', data, ...settings], { cwd: folder, ...user });
    await copyTree(data, path);
    releaseFolder(folder);
  }
  const initialised = (): Promise<string> =>
    template('postgres', [postgres, version, String(user?.uid)], initialise);

  return {
    version: `PostgreSQL ${/[\d.]+/.exec(version)?.[0] ?? version}`,
    user,
    endSignal: 'SIGINT', // SIGTERM waits for every client to leave
    command: ({ port, folder }) => [
      postgres,
      '-D',
      join(folder, 'data'),
      '-p',
      String(port),
      ...flags({ listen_addresses: '127.0.0.1', unix_socket_directories: '', ...SETTINGS }),
    ],
    async warmUp() {
      await initialised();
    },
    prepare: async ({ folder }) => copyTree(await initialised(), join(folder, 'data')),
  };
}

/** PostgreSQL with one user, postgres, who needs no password. The data is kept over kill() and restart(). */
export const postgresRecipe: ServerRecipe = {
  kind: 'postgres',
  variable: 'INFRA_TEST_DATABASE_URL',
  startTimeoutMs: 30_000,
  url: (host, port) => `postgres://postgres@${host}:${port}/postgres`,
  isReady: isAccepting,
  native: {
    missing: 'there are no postgres and initdb on PATH or under /usr/lib/postgresql',
    find() {
      const postgres = findBinary('postgres', binaryFolders());
      const initdb = findBinary('initdb', binaryFolders());
      return postgres === undefined || initdb === undefined ? undefined : program(postgres, initdb);
    },
  },
  container: {
    image: 'postgres:15.18',
    port: 5432,
    command: ['postgres', ...flags(SETTINGS)],
    env: () => ({ POSTGRES_HOST_AUTH_METHOD: 'trust' }),
  },
};
