import {
  closeSync,
  fstatSync,
  fsync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
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

  constructor(path: string, options: FileTargetOptions) {
    this.#wanted = path;
    this.#options = options;
    this.#maxBytes = options.limits.maxSizeMb * MIB;
  }

  get path(): string {
    return this.#held?.path ?? this.#wanted;
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
    if (this.#options.clock.monotonic() >= this.#tidyAt) this.#tidy();
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
    const fd = openSync(this.path, 'a', 0o640);
    this.#closeFile();
    this.#fd = fd;
    this.#size = fstatSync(fd).size;
    if (endsInsideLine(this.path, this.#size)) this.#size += writeSync(fd, '\n');
  }

  #closeFile(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #rotate(bytes: number): void {
    const now = this.#options.clock.monotonic();
    if (this.#fd === undefined || now < this.#rotateAt) return;
    this.#size = fstatSync(this.#fd).size; // others may have emptied it
    if (this.#size + bytes <= this.#maxBytes) return;
    const moved = this.#attempt('a full log file could not be set aside', () => {
      if (this.#backups !== undefined) renameSync(this.path, this.#backups.nextPath());
    });
    if (!moved) {
      this.#rotateAt = now + TIDY_EVERY_MS / 60;
      return;
    }
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
      this.#options.onProblem(what, error);
      return false;
    }
  }
}
