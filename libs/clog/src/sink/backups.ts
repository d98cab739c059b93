import { createReadStream, createWriteStream, lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { chmod, open, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '@infra-kit/kernel';
import type { RotationConfig } from '../clog.config.js';
import { errnoOf } from './errno.js';

interface Backup {
  readonly sequence: number;
  readonly path: string;
  readonly packed: boolean;
}

const DAY_MS = 86_400_000;
const DIGITS = 6;

/**
 * The files set aside: `app.log.000001`, `app.log.000002.gz`, … Numbers only rise. A backup is packed in the background
 * into `….gz.tmp`, synced, renamed, and only then is the original removed: a kill leaves it in one form or in both.
 */
export class Backups {
  readonly #path: string;
  readonly #limits: RotationConfig;
  readonly #clock: Clock;
  readonly #onProblem: (message: string, error: unknown) => void;
  #packing: Promise<void> | undefined;
  #stop = new AbortController();

  constructor(
    path: string,
    deps: {
      readonly limits: RotationConfig;
      readonly clock: Clock;
      readonly onProblem: (message: string, error: unknown) => void;
    },
  ) {
    this.#path = path;
    this.#limits = deps.limits;
    this.#clock = deps.clock;
    this.#onProblem = deps.onProblem;
  }

  /** Mends what a killed process left: half-packed files go, of a backup in both forms the packed one stays. */
  recover(): void {
    const folder = dirname(this.#path);
    const leftover = /^\.\d+\.gz\.tmp$/;
    const prefix = basename(this.#path);
    for (const name of readdirSync(folder))
      if (name.startsWith(prefix) && leftover.test(name.slice(prefix.length)))
        rmSync(join(folder, name), { force: true });
    const all = this.#list();
    const packed = new Set(all.filter((backup) => backup.packed).map(({ sequence }) => sequence));
    for (const { path, sequence, packed: isPacked } of all)
      if (!isPacked && packed.has(sequence)) rmSync(path, { force: true });
    this.settle();
  }

  /** Where the present file goes next. */
  nextPath(): string {
    const last = this.#list().reduce((most, { sequence }) => Math.max(most, sequence), 0);
    return `${this.#path}.${String(last + 1).padStart(DIGITS, '0')}`;
  }

  /** Removes what is too many or too old, and packs the rest in the background. */
  settle(): void {
    this.#prune();
    if (this.#limits.compress && this.#packing === undefined && !this.#stop.signal.aborted)
      this.#packing = this.#packAll().finally(() => {
        this.#packing = undefined;
      });
  }

  /** Ends packing at once; what is not packed is packed by the next start. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#packing;
  }

  #list(): Backup[] {
    const prefix = `${basename(this.#path)}.`;
    const folder = dirname(this.#path);
    return readdirSync(folder).flatMap((name) => {
      const [, digits, ending] =
        (name.startsWith(prefix) && /^(\d{6,})(\.gz)?$/.exec(name.slice(prefix.length))) || [];
      if (digits === undefined) return [];
      return [{ sequence: Number(digits), path: join(folder, name), packed: ending !== undefined }];
    });
  }

  #prune(): void {
    const { maxBackups, maxAgeDays } = this.#limits;
    const newest = [...new Set(this.#list().map(({ sequence }) => sequence))].toSorted((a, b) => b - a);
    const kept = new Set(maxBackups === 0 ? newest : newest.slice(0, maxBackups));
    const oldest = maxAgeDays === 0 ? -Infinity : this.#clock.now() - maxAgeDays * DAY_MS;
    for (const { sequence, path } of this.#list())
      if (!kept.has(sequence) || statSync(path).mtimeMs < oldest) rmSync(path, { force: true });
  }

  async #packAll(): Promise<void> {
    for (;;) {
      let path: string | undefined;
      try {
        path = this.#nextToPack();
        if (path === undefined || this.#stop.signal.aborted) return;
        await this.#pack(path);
        this.#prune();
      } catch (error) {
        if (errnoOf(error) === 'ENOENT' && path !== undefined && isGone(path)) continue; // pruned meanwhile
        if (!this.#stop.signal.aborted)
          this.#onProblem('a log backup could not be packed and stays as it is', error);
        return;
      }
    }
  }

  #nextToPack(): string | undefined {
    const plain = this.#list().filter(({ packed }) => !packed);
    return plain.toSorted((a, b) => a.sequence - b.sequence)[0]?.path;
  }

  async #pack(path: string): Promise<void> {
    const scratch = `${path}.gz.tmp`;
    try {
      const { mtime, mode } = await stat(path);
      const { signal } = this.#stop;
      const packed = createWriteStream(scratch, { mode: mode & 0o777 });
      await pipeline(createReadStream(path), createGzip(), packed, { signal });
      await chmod(scratch, mode & 0o777); // whatever the umask took
      await synced(scratch);
      await utimes(scratch, mtime, mtime);
      await rename(scratch, `${path}.gz`);
    } catch (error) {
      await rm(scratch, { force: true });
      throw error;
    }
    await rm(path, { force: true });
  }
}

const isGone = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) === undefined;

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
