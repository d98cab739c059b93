import { chmodSync, chownSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** PostgreSQL and Elasticsearch refuse to run as root: a root runner starts them as somebody else. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The first of these users that this machine has, 'nobody' at last; undefined when the runner is not root. */
export function unprivilegedUser(...names: readonly string[]): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of [...names, 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error(`there is no user ${[...names, 'nobody'].join(' or ')} to start a server as`);
}

/** Gives a folder to the user, for nobody else to read; with `all`, what is in it as well. Without a user nothing is done. */
export function giveTo(user: User | undefined, folder: string, what: 'folder' | 'all' = 'folder'): void {
  if (user === undefined) return;
  chownSync(folder, user.uid, user.gid);
  chmodSync(folder, 0o700);
  if (what === 'folder') return;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    chownSync(join(folder, name), user.uid, user.gid);
}
