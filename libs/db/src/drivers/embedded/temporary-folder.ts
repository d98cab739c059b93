import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, readPostmaster } from './postmaster.js';

const PREFIX = 'infra-kit-db-';
const MAKER = 'maker';
const NAME = new RegExp(`^${PREFIX}(\\d+)-`);

/** Where process ids mean what they mean here: two containers may share a folder, and not their processes. */
export const processSpace = (): Promise<string | undefined> =>
  readlink('/proc/self/ns/pid').catch(() => undefined);

/** A folder that says who made it, so that it can be swept when its maker was killed. */
export async function makeTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  await writeFile(join(folder, MAKER), (await processSpace()) ?? '');
  return folder;
}

/** Ends the temporary servers whose makers were killed, and removes their folders. Linux; elsewhere nothing is swept. */
export async function sweepAbandoned(): Promise<void> {
  const here = await processSpace();
  if (here === undefined) return;
  for (const name of await readdir(tmpdir())) {
    const maker = Number(NAME.exec(name)?.[1]);
    if (!Number.isInteger(maker) || isAlive(maker)) continue;
    await sweep(join(tmpdir(), name), here).catch(() => undefined); // another user's, or another one sweeps it too
  }
}

async function sweep(folder: string, here: string): Promise<void> {
  if ((await readFile(join(folder, MAKER), 'utf8')) !== here) return;
  const data = join(folder, 'data');
  const left = await readPostmaster(data);
  if (left !== undefined) {
    const command = await readFile(`/proc/${left.pid}/cmdline`, 'utf8');
    if (!command.split('\0').includes(data)) return;
    process.kill(left.pid, 'SIGQUIT');
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
