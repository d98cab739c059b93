import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './poll.js';
import { killFamily } from './family.js';
import { isAlive } from './processes.js';
import { livingRoots, type ProcessRecord, readRecord, removeFolder, runsRoot } from './run-folder.js';

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name));
  } catch {
    return []; // never made, or removed by another sweep meanwhile
  }
}

function runnerOf(runFolder: string): number | undefined {
  const pid = /(\d+)-[^-/\\]+$/.exec(runFolder)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/**
 * Ends the servers whose runner was killed before it could, and removes their folders.
 * A process is ended only when its command line is still the recorded one, so a recycled id is never hit. A runner's
 * own recycled id only delays the sweep of its folder. Safe to run beside other runs and other sweeps.
 * Returns what was ended.
 */
export async function sweepLeftovers(): Promise<ProcessRecord[]> {
  const ended: ProcessRecord[] = [];
  for (const run of subfolders(runsRoot())) {
    const runner = runnerOf(run);
    if (runner === undefined || isAlive(runner)) continue;
    for (const folder of subfolders(run)) {
      const record = readRecord(folder);
      const roots = record === undefined ? [] : livingRoots(record);
      if (record === undefined || roots.length === 0) continue;
      const hit = killFamily(roots);
      await until(`${record.kind} ${record.pid} ends`, () => !hit.some(isAlive));
      ended.push(record);
    }
    removeFolder(run);
  }
  return ended;
}
