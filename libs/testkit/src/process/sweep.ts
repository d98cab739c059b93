import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './poll.js';
import { commandOf, isAlive, signalGroup } from './processes.js';
import { type ProcessRecord, readRecord, removeFolder, runsRoot } from './run-folder.js';

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
      if (record === undefined || commandOf(record.pid) !== record.command) continue;
      signalGroup(record.pid, 'SIGKILL');
      await until(`${record.kind} ${record.pid} ends`, () => !isAlive(record.pid));
      ended.push(record);
    }
    removeFolder(run);
  }
  return ended;
}
