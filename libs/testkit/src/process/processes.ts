import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * What is known of a process by its id: enough to end our own and never a stranger that got a recycled id.
 * Linux answers from /proc, other systems from `ps`.
 */
const PROC = process.platform === 'linux';

function ps(pid: number, column: string): string | undefined {
  try {
    return execFileSync('ps', ['-ww', '-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return undefined; // ps exits 1 when no such process lives
  }
}

function procFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}

/** The full command line of a living process, arguments joined by one space; undefined when there is none. */
export function commandOf(pid: number): string | undefined {
  const command = PROC ? procFile(pid, 'cmdline')?.replaceAll('\0', ' ').trim() : ps(pid, 'command');
  return command === undefined || command === '' ? undefined : command;
}

/** One letter as `ps` prints it: R, S, D run; T is stopped by a signal; Z is dead and not yet collected. */
export function stateOf(pid: number): string | undefined {
  // the second field is the program's name in parentheses, and may itself hold spaces and parentheses
  return PROC ? procFile(pid, 'stat')?.match(/\) (\w) [^)]*$/)?.[1] : ps(pid, 'state')?.charAt(0);
}

/** False for an id nobody has and for a zombie; true also for a process of another user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return stateOf(pid) !== 'Z';
}

/** Sends a signal to one process; one that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
