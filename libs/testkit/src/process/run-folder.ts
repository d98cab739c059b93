import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { killFamily } from './family.js';
import { factsOf, processNamespace } from './processes.js';

/**
 * Where the servers of one runner live: <temporary folder>/infra-kit-testkit-<uid>-<namespace>/<runner pid>-<random>/<kind>-<random>/.
 * Each server's folder holds its data, its log and `process.json`, so that a later run can end what a killed runner left.
 */
export interface ProcessRecord extends KnownProcess {
  readonly kind: string;
  /** The server itself, where `pid` is only its launcher. */
  readonly child?: KnownProcess | undefined;
}

export interface KnownProcess {
  readonly pid: number;
  /** See ProcessFacts. */
  readonly started: string;
}

const RECORD = 'process.json';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * All runs of this user that see each other's processes. The temporary folder may be shared: with other users, and with
 * containers, where the same ids are other processes.
 */
export function runsRoot(): string {
  const owner = [process.getuid?.() ?? 'user', processNamespace()].filter((part) => part !== '');
  return join(tmpdir(), `infra-kit-testkit-${owner.join('-')}`);
}

export function readRecord(folder: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, RECORD), 'utf8')) as ProcessRecord;
  } catch {
    return undefined; // the runner died before it wrote one, or the server was stopped
  }
}

/** Who has this id now; undefined when nobody has. */
export function knownProcess(pid: number): KnownProcess | undefined {
  const facts = factsOf(pid);
  return facts === undefined || facts.dead ? undefined : { pid, started: facts.started };
}

/** The recorded processes that still live, the spawned one first; a stranger that got a recycled id is none of them. */
export function livingRoots({ pid, started, child }: ProcessRecord): readonly number[] {
  return [{ pid, started }, ...(child === undefined ? [] : [child])]
    .filter((known) => knownProcess(known.pid)?.started === known.started)
    .map((known) => known.pid);
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}

// The process owns these servers, so their list is the process's: it is emptied on exit and on deadly signals.
const living = new Map<string, ProcessRecord>();
let runFolder: string | undefined;
let guarded = false;

/** A new empty folder for one server of this runner. */
export function newServerFolder(kind: string): string {
  guardOnce();
  if (runFolder === undefined) {
    mkdirSync(runsRoot(), { recursive: true, mode: 0o755 });
    runFolder = mkdtempSync(join(runsRoot(), `${process.pid}-`));
    chmodSync(runFolder, 0o711); // a server that is started as another user passes through to its own folder
  }
  mkdirSync(runFolder, { recursive: true });
  return mkdtempSync(join(runFolder, `${kind}-`));
}

/** Notes a server that has just been spawned as leader of its own process group, or what is known of it by now. Synchronous, so that no signal falls between. */
export function recordProcess(folder: string, record: ProcessRecord): void {
  living.set(folder, record);
  // whole or not at all: a runner may be killed while it writes
  writeFileSync(join(folder, `${RECORD}.partial`), JSON.stringify(record));
  renameSync(join(folder, `${RECORD}.partial`), join(folder, RECORD));
}

/** Lets a child of this process, and all its children, end with it as servers do, however it ends. */
export function endWithThisProcess(kind: string, pid: number): void {
  const known = knownProcess(pid);
  if (known !== undefined) recordProcess(newServerFolder(kind), { kind, ...known });
}

/** Forgets a server that has ended; its data stays. */
export function forgetProcess(folder: string): void {
  living.delete(folder);
  rmSync(join(folder, RECORD), { force: true });
}

/** Removes the folder of a server that will not come back, and the run's folder with its last server. */
export function releaseFolder(folder: string): void {
  forgetProcess(folder);
  removeFolder(folder);
  try {
    rmdirSync(dirname(folder));
  } catch {
    // other servers of this runner still live there
  }
}

function endAll(): void {
  for (const [folder, record] of living) {
    killFamily(livingRoots(record));
    releaseFolder(folder);
  }
  living.clear();
  if (runFolder !== undefined) removeFolder(runFolder);
}

function guardOnce(): void {
  if (guarded) return;
  guarded = true;
  process.once('exit', endAll);
  for (const signal of SIGNALS)
    process.once(signal, () => {
      endAll();
      // alone here: die by the signal as if it had not been caught; others listening decide for themselves
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
}
