import { mkdir, readdir } from 'node:fs/promises';
import { InfraError, messageOf } from '@infra-kit/kernel';
import { handOver, type ServerUser } from './server-user.js';

/** What the embedded databases put into their folder, and what belongs to any folder. */
const OWN = /^(data|data\.\d+\.partial|postgres\.log|pglite|lost\+found|.*\.pglite-lock(\.partial)?|\..*)$/;

/**
 * Makes the folder that keeps the data. Where the server has a user of its own the folder is handed over to it with all
 * that is in it: so one with other people's files is refused.
 */
export async function makeHome(home: string, user: ServerUser | undefined): Promise<void> {
  try {
    await mkdir(home, { recursive: true });
    if (user === undefined) return;
    const strange = (await readdir(home)).find((name) => !OWN.test(name));
    if (strange !== undefined) throw refused(`it has ${strange} in it; give the server a folder of its own`);
    await handOver(home, user);
  } catch (error) {
    throw error instanceof InfraError ? error : refused(messageOf(error), error);
  }
}

const refused = (what: string, cause?: unknown): InfraError =>
  new InfraError('INVALID_ARGUMENT', `db: dataDir cannot be the embedded server's folder: ${what}`, {
    component: 'db',
    cause,
  });
