import {
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { dirname, parse, join, resolve } from 'node:path';
import { noFreeSlot } from '../clog.errors.js';
import { errnoOf } from './errno.js';

const MAX_SLOTS = 100;

/** A path this process alone writes to until it lets go. */
export interface HeldPath {
  readonly path: string;
  /** Whether nobody else had the file that was asked for. */
  readonly isWanted: boolean;
  release(): void;
}

/** A number that a later process of the same pid does not share: the kernel's start time where it tells one. */
function birthOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

const identity = (): string => `${process.pid} ${birthOf(process.pid) ?? '-'} ${hostname()}`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** Of another host nothing can be known: its lock counts as held. */
function isHeld(content: string): boolean {
  const [pidText, birth, host] = content.trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (host !== hostname()) return true;
  return isAlive(pid) && (birth === '-' || birth === birthOf(pid));
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Creates the lock with its content in one step; false when there is one. */
function create(lock: string): boolean {
  const own = `${lock}.${randomUUID()}`;
  writeFileSync(own, identity());
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Takes a dead owner's lock away. Two that try at once: the rename moves one file for one of them. */
function removeStale(lock: string, seen: string): void {
  const aside = `${lock}.${randomUUID()}`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  if (read(aside) !== seen) {
    try {
      linkSync(aside, lock); // it was another's by then: back in its place
    } catch {
      // a third has taken the place meanwhile; the two then write different files at the next start
    }
  }
  rmSync(aside, { force: true });
}

function tryHold(path: string): boolean {
  const lock = `${path}.lock`;
  for (let attempt = 0; attempt < 3; attempt++) {
    if (create(lock)) return true;
    const seen = read(lock);
    if (seen !== undefined && isHeld(seen)) return false;
    if (seen !== undefined) removeStale(lock, seen);
  }
  return false;
}

/** `app.log`, then `app.2.log`, `app.3.log`… */
function slotPath(path: string, slot: number): string {
  if (slot === 1) return path;
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.${slot}${ext}`);
}

const MAX_LINKS = 40;

/** The file that a link leads to, whether or not it is there yet; a link to anything but a file stays as it is. */
function endOfLinks(path: string): string {
  let end = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const there = lstatSync(end, { throwIfNoEntry: false });
    if (there?.isSymbolicLink() !== true) return there === undefined || there.isFile() ? end : path;
    end = resolve(realpathSync(dirname(end)), readlinkSync(end));
  }
  return path;
}

/**
 * The path itself (of a link, where it leads), or the first of its numbered siblings that no live process writes: two processes never share a file.
 * The lock (`<path>.lock`) names pid, start time and host; one left by a killed process is taken over.
 */
export function holdPath(wanted: string): HeldPath {
  const real = endOfLinks(wanted);
  mkdirSync(dirname(real), { recursive: true });
  for (let slot = 1; slot <= MAX_SLOTS; slot++) {
    const path = slotPath(real, slot);
    if (tryHold(path))
      return { path, isWanted: slot === 1, release: () => rmSync(`${path}.lock`, { force: true }) };
  }
  throw noFreeSlot(wanted, MAX_SLOTS);
}
