import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { sep } from 'node:path';

/**
 * What the system knows of processes: enough to end our own and never a stranger that got a recycled id.
 * Linux answers from /proc, other systems from `ps`.
 */
const PROC = process.platform === 'linux';

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** One letter as `ps` prints it: R, S, D run; T is stopped by a signal; Z is dead and not yet collected. */
  readonly state: string;
  /**
   * When it began. With the id it names a process for good: also one that has replaced its program since, or that was
   * killed and is still giving back its memory, when it has no command line any more.
   */
  readonly started: string;
  /** Dead, and waiting to be collected. A leader whose other threads still end is not: they hold ports and files. */
  readonly dead: boolean;
  readonly terminal: boolean;
}

function readProc(pid: number | string, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined; // it ended meanwhile
  }
}

function ps(columns: string, ...which: readonly string[]): string {
  try {
    return execFileSync('ps', ['-ww', ...which, '-o', columns], { encoding: 'utf8' }).trim();
  } catch {
    return ''; // ps exits 1 when no such process lives
  }
}

let boot: string | undefined;
/** Times of birth count from the last boot, and folders may outlive one. */
function bootId(): string {
  return (boot ??= readProc('sys', 'kernel/random/boot_id')?.trim() ?? '');
}

function factsFromProc(pid: number): ProcessFacts | undefined {
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  // the second field is the program's name in parentheses, and may itself hold spaces and parentheses
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', parent, group, , terminal] = fields;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    state,
    started: `${fields[19]} since ${bootId()}`,
    dead: state === 'X' || (state === 'Z' && Number(fields[17]) <= 1),
    terminal: terminal !== '0',
  };
}

const PS_COLUMNS = 'pid=,ppid=,pgid=,state=,tty=,lstart=';
const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\w)\S*\s+(\S+)\s+(.*)$/;

function factsFromPs(...which: readonly string[]): readonly ProcessFacts[] {
  return ps(PS_COLUMNS, ...which)
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, group, state = '', terminal = '', started = ''] = PS_LINE.exec(line) ?? [];
      if (pid === undefined) return [];
      const [dead, numbers] = [
        state === 'Z',
        { pid: Number(pid), parent: Number(parent), group: Number(group) },
      ];
      return [{ ...numbers, state, started, dead, terminal: !/^[?-]/.test(terminal) }];
    });
}

/** Within which ids are unique; empty where there is but one such space. */
export function processNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  } catch {
    return '';
  }
}

/** Undefined for an id that nobody has. */
export function factsOf(pid: number): ProcessFacts | undefined {
  return PROC ? factsFromProc(pid) : factsFromPs('-p', String(pid))[0];
}

export function everyProcess(): readonly ProcessFacts[] {
  if (!PROC) return factsFromPs('-ax');
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return ids.flatMap((id) => factsFromProc(Number(id)) ?? []);
}

/** False for an id nobody has and for a dead process that nobody has collected yet. */
export function isAlive(pid: number): boolean {
  return factsOf(pid)?.dead === false;
}

export function stateOf(pid: number): string | undefined {
  return factsOf(pid)?.state;
}

/** The full command line of a living process, arguments joined by one space; undefined when there is none. */
export function commandOf(pid: number): string | undefined {
  const command = PROC
    ? readProc(pid, 'cmdline')?.replaceAll('\0', ' ').trim()
    : ps('command=', '-p', String(pid));
  return command === '' ? undefined : command;
}

/** The processes without a terminal that work in the folder or below, where the system tells (Linux): nobody's shell. */
export function processesIn(folder: string): readonly number[] {
  if (!PROC) return [];
  const real = realpathSync(folder) + sep; // as the system tells working folders
  const works = ({ pid }: ProcessFacts): boolean => `${workingFolderOf(pid)}${sep}`.startsWith(real);
  return everyProcess()
    .filter((facts) => !facts.terminal && works(facts))
    .map(({ pid }) => pid);
}

function workingFolderOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '');
  } catch {
    return ''; // ended, or somebody else's
  }
}

/** Sends a signal to one process; one that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
