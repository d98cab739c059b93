import type { LineTarget } from './line-sink.js';
import { writeFully } from './write-fully.js';

/** A reader of stdout may be this slow before lines go elsewhere; blocking longer would stop the service. */
const PATIENCE_MS = 30_000;

/** stdout or stderr: opened by whoever started the process, and never closed by us. */
export class StreamTarget implements LineTarget {
  readonly path: string;
  readonly isElsewhere = false;
  readonly #fd: number;

  constructor(path: 'stdout' | 'stderr') {
    this.path = path;
    this.#fd = path === 'stdout' ? 1 : 2;
  }

  open(): void {}

  write(line: string): void {
    writeFully(this.#fd, line, PATIENCE_MS);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}
