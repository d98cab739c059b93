import { rmSync } from 'node:fs';
import { until } from './poll.js';
import { everyProcess, isAlive, signal, stateOf } from './processes.js';

/**
 * A server may be more than one process: PostgreSQL forks a backend a connection, each in a group of its own, and
 * Elasticsearch's launcher starts the server as its child. What is done to a server is done to all of them.
 */

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

/**
 * SIGKILLs the families. Synchronous, so that it can be done on exit. Returns who was hit. A caller that is of a family
 * itself, as a worker of a killed run is, dies last.
 */
export function killFamily(roots: readonly number[]): readonly number[] {
  const hit = new Set<number>();
  // first all are stopped, so that none starts a child while children are looked for
  for (let found: readonly number[] = roots; found.length > 0;) {
    for (const pid of found) {
      hit.add(pid);
      if (pid !== process.pid) signal(pid, 'SIGSTOP');
    }
    found = familyOf(roots).filter((pid) => !hit.has(pid));
  }
  for (const pid of hit) if (pid !== process.pid) signal(pid, 'SIGKILL');
  if (hit.has(process.pid)) signal(process.pid, 'SIGKILL');
  return [...hit];
}

/** Resolves once the killed are dead, and removes what a JVM among them has left where its debugger would look for it. */
export async function allDead(what: string, killed: readonly number[], deadlineMs?: number): Promise<void> {
  await until(what, () => !killed.some(isAlive), { deadlineMs });
  for (const pid of killed) rmSync(`/tmp/.java_pid${pid}`, { force: true });
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
