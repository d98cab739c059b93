import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The last good document of a key, as it was received. */
export interface Snapshot {
  readonly revision: bigint;
  readonly value: unknown;
}

interface Stored {
  readonly key: string;
  readonly revision: string;
  readonly value: unknown;
}

const LONGEST_NAME = 180;

/** One file a key, readable by eye; a key too long for a file name keeps its beginning and gets a digest. */
export function snapshotFileName(key: string): string {
  const name = encodeURIComponent(key).replaceAll('*', '%2A');
  if (name.length <= LONGEST_NAME) return `${name}.json`;
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 32);
  return `${name.slice(0, LONGEST_NAME - digest.length - 1)}-${digest}.json`;
}

/**
 * The last good documents on disk, one file a key. A file is replaced by rename: whoever reads it, a process that was
 * killed in the middle of writing included, finds one whole document or none. Several processes may share a folder.
 */
export class SnapshotFolder {
  readonly #folder: string;
  readonly #corrupt: (path: string) => void;

  /** `corrupt` is told of files that are no snapshots. */
  constructor(folder: string, corrupt: (path: string) => void = () => undefined) {
    this.#folder = folder;
    this.#corrupt = corrupt;
  }

  /** Undefined without a file, and for one that is not a snapshot of this key. */
  async read(key: string): Promise<Snapshot | undefined> {
    const text = await readFile(this.#path(key), 'utf8').catch((error: unknown) => {
      if (Reflect.get(Object(error), 'code') === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    const snapshot = parse(key, text);
    if (snapshot === undefined) this.#corrupt(this.#path(key));
    return snapshot;
  }

  /** Resolves when the whole document stands under its name. */
  async write(key: string, { revision, value }: Snapshot): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const path = this.#path(key);
    const beside = `${path}.${process.pid}.${randomUUID()}.partial`;
    const stored: Stored = { key, revision: revision.toString(), value };
    try {
      await writeFile(beside, `${JSON.stringify(stored)}\n`, { mode: 0o600, flush: true });
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  }

  #path(key: string): string {
    return join(this.#folder, snapshotFileName(key));
  }
}

function parse(key: string, text: string): Snapshot | undefined {
  try {
    const stored: unknown = JSON.parse(text);
    if (!isStored(stored) || stored.key !== key) return undefined;
    return { revision: BigInt(stored.revision), value: stored.value };
  } catch {
    return undefined;
  }
}

function isStored(value: unknown): value is Stored {
  if (typeof value !== 'object' || value === null || !('value' in value)) return false;
  const { key, revision } = value as Partial<Stored>;
  return typeof key === 'string' && typeof revision === 'string' && /^\d+$/.test(revision);
}
