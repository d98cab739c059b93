import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { until } from './poll.js';
import { isAlive, signal, stateOf } from './processes.js';

/**
 * A server may be more than one process: PostgreSQL forks a backend a connection, each in a group of its own, and
 * Elasticsearch's launcher starts the server as its child. What is done to a server is done to all of them.
 */
interface Relative {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

const COLUMNS = /^\s*(\d+)\s+(\d+)\s+(\d+)/;

function everyProcess(): readonly Relative[] {
  if (process.platform === 'linux')
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => relativeOf(Number(name)) ?? []);
  return execFileSync('ps', ['-axo', 'pid=,ppid=,pgid='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, group] = COLUMNS.exec(line) ?? [];
      return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), group: Number(group) }];
    });
}

function relativeOf(pid: number): Relative | undefined {
  try {
    // the second field is the program's name in parentheses, and may itself hold spaces and parentheses
    const [, parent, group] =
      /\) \w (\d+) (\d+) [^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return parent === undefined ? undefined : { pid, parent: Number(parent), group: Number(group) };
  } catch {
    return undefined; // it ended meanwhile
  }
}

/** The living processes that descend from the roots or are of a group one of them leads, themselves included. */
export function familyOf(roots: readonly number[]): readonly number[] {
  const processes = everyProcess();
  const found = new Set(roots);
  for (const { pid, group } of processes) if (roots.includes(group)) found.add(pid);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const { pid, parent } of processes) if (found.has(parent)) found.add(pid);
  }
  return [...found].filter(isAlive);
}

/** SIGKILLs the families. Synchronous, so that it can be done on exit. Returns who was hit. */
export function killFamily(roots: readonly number[]): readonly number[] {
  const hit = new Set<number>();
  // first all are stopped, so that none starts a child while children are looked for
  for (let found: readonly number[] = roots; found.length > 0;) {
    for (const pid of found) {
      hit.add(pid);
      signal(pid, 'SIGSTOP');
    }
    found = familyOf(roots).filter((pid) => !hit.has(pid));
  }
  for (const pid of hit) signal(pid, 'SIGKILL');
  return [...hit];
}

/** SIGSTOPs the families, and resolves once all of them stand still. */
export async function pauseFamily(roots: readonly number[]): Promise<void> {
  const runs = (pid: number): boolean => stateOf(pid) !== 'T' && isAlive(pid);
  await until(`process ${roots.join(', ')} and its children are stopped`, () => {
    const running = familyOf(roots).filter(runs);
    for (const pid of running) signal(pid, 'SIGSTOP');
    return running.length === 0;
  });
}

/** SIGCONTs the families, and resolves once all of them run. */
export async function resumeFamily(roots: readonly number[]): Promise<void> {
  const members = familyOf(roots);
  for (const pid of members) signal(pid, 'SIGCONT');
  await until(`process ${roots.join(', ')} and its children run`, () =>
    members.every((pid) => stateOf(pid) !== 'T'),
  );
}
