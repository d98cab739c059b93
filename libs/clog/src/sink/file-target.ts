import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '@infra-kit/kernel';
import type { RotationConfig } from '../clog.config.js';
import { Backups } from './backups.js';
import { holdPath, type HeldPath } from './file-lock.js';
import type { LineTarget } from './line-sink.js';
import { WriteFailure, writeFully } from './write-fully.js';

export interface FileTargetOptions {
  readonly limits: RotationConfig;
  readonly clock: Clock;
  readonly onProblem: (message: string, error: unknown) => void;
  readonly onRotation: () => void;
}

const MIB = 1_048_576;
const PATIENCE_MS = 1000;
const TIDY_EVERY_MS = 3_600_000;
const ROTATE_RETRY_MS = 60_000;
const LOOK_EVERY_MS = 10_000;
const FIRST_MODE = 0o640;
/** Not blocking: a named pipe without a reader is a path that cannot be opened, and no reason to stand still. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const NEWLINE = 0x0a;
const syncFile = promisify(fsync);

function endsInsideLine(path: string, size: number): boolean {
  if (size === 0) return false;
  const fd = openSync(path, 'r');
  try {
    const last = Buffer.alloc(1);
    readSync(fd, last, 0, 1, size - 1);
    return last[0] !== NEWLINE;
  } finally {
    closeSync(fd);
  }
}

/**
 * A file written by this process alone, set aside when it is full. Rotation is synchronous (two renames' worth of work),
 * so no line falls between two files; packing is not.
 */
export class FileTarget implements LineTarget {
  readonly #wanted: string;
  readonly #options: FileTargetOptions;
  readonly #maxBytes: number;
  #held: HeldPath | undefined;
  #backups: Backups | undefined;
  #fd: number | undefined;
  #size = 0;
  #tidyAt = 0;
  #rotateAt = 0;
  #lookAt = 0;
  /** The file's permissions when it was last seen: its successor gets them. */
  #mode: number | undefined;
  #isTelling = false;

  constructor(path: string, options: FileTargetOptions) {
    this.#wanted = path;
    this.#options = options;
    this.#maxBytes = options.limits.maxSizeMb * MIB;
  }

  get path(): string {
    return this.#held?.path ?? this.#wanted;
  }

  get isElsewhere(): boolean {
    return this.#held?.isWanted === false;
  }

  open(): void {
    this.#held ??= holdPath(this.#wanted);
    this.#openFile();
    if (this.#backups !== undefined) return;
    this.#backups = new Backups(this.path, this.#options);
    this.#attempt('log backups could not be tidied', () => this.#backups?.recover());
    this.#tidyAt = this.#options.clock.monotonic() + TIDY_EVERY_MS;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#size + bytes > this.#maxBytes && this.#size > 0) this.#rotate(bytes);
    const now = this.#options.clock.monotonic();
    if (now >= this.#lookAt) this.#look(now);
    if (now >= this.#tidyAt) this.#tidy();
    const fd = this.#fd;
    if (fd === undefined) throw new Error(`${this.path} is not open`);
    try {
      this.#size += writeFully(fd, line, PATIENCE_MS);
    } catch (error) {
      if (error instanceof WriteFailure && error.written > 0) this.#takeBack(fd, error.written);
      throw error;
    }
  }

  async flush(): Promise<void> {
    if (this.#fd !== undefined) await syncFile(this.#fd);
  }

  async close(): Promise<void> {
    await this.#backups?.close();
    this.#closeFile();
    this.#held?.release();
  }

  #openFile(): void {
    const mode = existsSync(this.path) ? undefined : this.#mode;
    const fd = openSync(this.path, APPEND, FIRST_MODE);
    this.#closeFile();
    this.#fd = fd;
    if (mode !== undefined) fchmodSync(fd, mode);
    this.#noteFile(fd);
    this.#lookAt = this.#options.clock.monotonic() + LOOK_EVERY_MS;
    if (endsInsideLine(this.path, this.#size)) this.#size += writeSync(fd, '\n');
  }

  #noteFile(fd: number): void {
    const { size, mode } = fstatSync(fd);
    this.#size = size;
    this.#mode = mode & 0o777;
  }

  /** Whether the path still leads to the file that is open: others may have moved or removed it, without a SIGHUP. */
  #look(now: number): void {
    this.#lookAt = now + LOOK_EVERY_MS;
    if (this.#fd === undefined || this.#isInPlace(this.#fd)) return;
    mkdirSync(dirname(this.path), { recursive: true });
    this.#openFile();
  }

  #isInPlace(fd: number): boolean {
    const there = statSync(this.path, { throwIfNoEntry: false });
    const own = fstatSync(fd);
    this.#mode = own.mode & 0o777;
    return there?.ino === own.ino && there.dev === own.dev;
  }

  #closeFile(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #rotate(bytes: number): void {
    const now = this.#options.clock.monotonic();
    if (this.#fd === undefined || now < this.#rotateAt) return;
    this.#look(now);
    this.#noteFile(this.#fd); // others may have emptied it
    if (this.#size + bytes <= this.#maxBytes) return;
    this.#rotateAt = now + ROTATE_RETRY_MS; // before a failure is told: telling it writes a line
    const moved = this.#attempt('a full log file could not be set aside', () => {
      if (this.#backups !== undefined) renameSync(this.path, this.#backups.nextPath());
    });
    if (!moved) return;
    this.#rotateAt = 0;
    this.#openFile();
    this.#options.onRotation();
    this.#tidy();
  }

  #tidy(): void {
    this.#tidyAt = this.#options.clock.monotonic() + TIDY_EVERY_MS;
    this.#attempt('log backups could not be tidied', () => this.#backups?.settle());
  }

  /** A line goes out whole or not at all: what a full disk took of it is removed again. */
  #takeBack(fd: number, written: number): void {
    this.#attempt('half a line could not be removed', () => ftruncateSync(fd, fstatSync(fd).size - written));
  }

  #attempt(what: string, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.#tell(what, error);
      return false;
    }
  }

  /** A problem is told by a line, which comes back here: a problem with that line is not told. */
  #tell(what: string, error: unknown): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#options.onProblem(what, error);
    this.#isTelling = false;
  }
}
