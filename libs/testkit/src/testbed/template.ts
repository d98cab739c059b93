import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isAlive } from '../process/processes.js';
import { testbedHome } from './testbed-home.js';

const run = promisify(execFile);

/** Copies files or folders with their owners and modes; as links to the same blocks where the file system can. */
export async function copyTree(from: string, to: string): Promise<void> {
  const reflink = process.platform === 'linux' ? ['--reflink=auto'] : [];
  await run('cp', ['-a', ...reflink, from, to]);
}

/** Copies a folder whose files are only read: as links to them where they lie on the same file system. */
export async function linkTree(from: string, to: string): Promise<void> {
  await run('cp', ['-al', from, to]).catch(() => copyTree(from, to));
}

/**
 * What is slow to make and the same every time: made once by `build`, which fills the path it is given with a file or
 * a folder, and kept under a name of everything it depends on. Resolves with its path. Processes beside each other may
 * each build; the first to finish is taken by all.
 */
export async function template(
  name: string,
  dependsOn: readonly string[],
  build: (path: string) => Promise<void>,
): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(dependsOn)).digest('hex').slice(0, 12);
  const path = join(testbedHome(), 'templates', `${name}-${key}`);
  if (existsSync(path)) return path;
  const partial = `${path}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await build(partial);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(path)) throw error;
  }
  return path;
}

/** Removes what processes that were killed meanwhile had begun to make. */
export function sweepTemplates(): void {
  const folder = join(testbedHome(), 'templates');
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const maker = /\.partial-(\d+)-/.exec(name)?.[1];
    if (maker !== undefined && !isAlive(Number(maker)))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}
