import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InfraError } from '@infra-kit/kernel';
import { isAlive } from './postmaster.js';
import { processSpace } from './temporary-folder.js';

const SUFFIX = '.pglite-lock';

/** Who has a folder. A process id alone may be another process's by now, or one of another container. */
interface Holder {
  readonly pid: number;
  readonly space: string | undefined;
  readonly started: string | undefined;
}

/**
 * One process a folder. Each who comes first writes a file of its own and then looks at all others: of two at once at
 * least one sees the other, so there are never two; that both see each other and both give way can be. Files of
 * processes that have died are cleared away, and nobody ever removes the file of a living one.
 */
export class FolderLock {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** FAILED_PRECONDITION when somebody has it. */
  static async take(folder: string): Promise<FolderLock> {
    await mkdir(folder, { recursive: true });
    const name = `${process.pid}-${randomUUID()}${SUFFIX}`;
    const own = new FolderLock(join(folder, name));
    const partial = join(folder, `${name}.partial`);
    await writeFile(partial, JSON.stringify(await self()));
    await rename(partial, own.#file);
    try {
      await own.#refuseOthers(folder, name);
    } catch (error) {
      await own.release();
      throw error;
    }
    return own;
  }

  async #refuseOthers(folder: string, own: string): Promise<void> {
    for (const other of await readdir(folder)) {
      if (other === own || !other.endsWith(SUFFIX)) continue;
      const path = join(folder, other);
      const holder = await readHolder(path);
      if (holder === undefined) continue;
      if (!(await isGone(holder)))
        throw new InfraError(
          'FAILED_PRECONDITION',
          `db: process ${holder.pid} has ${folder} open, and PGlite allows one; use embedded: 'postgres' or another dataDir, or remove ${path} if that process has ended`,
          { component: 'db' },
        );
      await rm(path, { force: true });
    }
  }

  async release(): Promise<void> {
    await rm(this.#file, { force: true });
  }
}

async function self(): Promise<Holder> {
  const { pid } = process;
  return { pid, space: await processSpace(), started: await startOf(pid) };
}

/** Undefined for one that has been released meanwhile. */
async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Holder);
}

/** Of a process in another container nothing can be known: it counts as alive. */
async function isGone({ pid, space, started }: Holder): Promise<boolean> {
  if (space !== (await processSpace())) return false;
  return !isAlive(pid) || (await startOf(pid)) !== started;
}

/** When a process began, in ticks since the machine did (Linux, proc(5)); undefined where that is not told. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
