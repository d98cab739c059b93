import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { allDead, killFamily } from './family.js';
import { isAlive, processesIn } from './processes.js';
import { livingRoots, type ProcessRecord, readRecord, removeFolder, runsRoot } from './run-folder.js';
import { sweepTemplates } from '../testbed/template.js';

/** The memory of a large process is given back slowly, more so under load. */
const END_WITHIN_MS = 30_000;

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
 * Ends what is left of a run whose runner was killed before it could, and removes its folder: the recorded processes with
 * their families, and what works in the folder and was never recorded. Waits for those that another sweep has killed, too.
 */
async function sweepRun(run: string): Promise<readonly ProcessRecord[]> {
  const records = subfolders(run).flatMap((folder) => readRecord(folder) ?? []);
  const left = records.filter((record) => livingRoots(record).length > 0);
  const hit = killFamily([...left.flatMap(livingRoots), ...unrecordedIn(run)]);
  const what = left.map(({ kind, pid }) => `${kind} ${pid}`).join(', ');
  await allDead(`what a killed run left ends: ${what}`, hit, END_WITHIN_MS);
  removeFolder(run);
  return left;
}

/**
 * Ends the servers whose runner was killed before it could, and removes their folders and unfinished templates.
 * A process is ended only when it is the recorded one by its time of birth, so a recycled id is never hit. A runner's
 * own recycled id only delays the sweep of its folder. Safe to run beside other runs and other sweeps.
 * Returns what was ended.
 */
export async function sweepLeftovers(): Promise<readonly ProcessRecord[]> {
  const found: ProcessRecord[] = [];
  const swept = new Set<string>();
  for (;;) {
    // a runner that is ended here (a worker of a killed run) may have left servers of its own
    const runs = subfolders(runsRoot()).filter((run) => !swept.has(run) && isLeft(run));
    if (runs.length === 0) break;
    for (const run of runs) {
      swept.add(run);
      found.push(...(await sweepRun(run)));
    }
  }
  sweepTemplates();
  return found;
}

/** Spawned and not yet recorded, or what a server was prepared with; another sweep may have removed the folder. */
function unrecordedIn(run: string): readonly number[] {
  return existsSync(run) ? processesIn(run) : [];
}

function isLeft(run: string): boolean {
  const runner = runnerOf(run);
  return runner !== undefined && !isAlive(runner);
}
