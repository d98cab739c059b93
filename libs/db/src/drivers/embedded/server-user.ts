import { execFile } from 'node:child_process';
import { chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Whom the server runs as, when it is not this process's user. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The unprivileged user of Unix systems. */
const NOBODY = 65_534;

/** PostgreSQL refuses to run as root, as containers often do: then it runs as nobody. */
export function serverUser(): ServerUser | undefined {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : undefined;
}

/** Runs a command to its end; rejects with what it wrote to stderr when it fails. */
export function run(
  command: string,
  args: readonly string[],
  user: ServerUser | undefined,
  cwd = '/',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { ...user, cwd: process.platform === 'win32' ? undefined : cwd, env: plainEnv() };
    execFile(command, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr.trim() || error.message, { cause: error }));
    });
  });
}

/** The server's environment: nothing of the application's, which may hold secrets and PG… settings. */
export function plainEnv(): NodeJS.ProcessEnv {
  const { PATH, TMPDIR, SystemRoot, TZ } = process.env;
  return {
    ...(PATH && { PATH }),
    ...(TMPDIR && { TMPDIR }),
    ...(SystemRoot && { SystemRoot }),
    ...(TZ && { TZ }),
  };
}

/** Gives a folder and what is in it to the server's user; what a running server has removed meanwhile needs none. */
export async function handOver(folder: string, user: ServerUser | undefined): Promise<void> {
  if (user === undefined) return;
  await chown(folder, user.uid, user.gid);
  for (const entry of await readdir(folder, { recursive: true }))
    await chown(join(folder, entry), user.uid, user.gid).catch((error: unknown) => {
      if (Reflect.get(Object(error), 'code') !== 'ENOENT') throw error;
    });
}
