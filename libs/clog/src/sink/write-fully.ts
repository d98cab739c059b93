import { writeSync } from 'node:fs';
import { messageOf } from '@infra-kit/kernel';
import { errnoOf } from './errno.js';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

const pauseCell = new Int32Array(new SharedArrayBuffer(4));

/** A write that failed; `written` bytes of the text had gone out before. */
export class WriteFailure extends Error {
  readonly written: number;

  constructor(written: number, cause: unknown) {
    super(messageOf(cause), { cause });
    this.written = written;
  }
}
Object.defineProperty(WriteFailure.prototype, 'name', { value: 'WriteFailure' });

function isBusy(error: unknown): boolean {
  const code = errnoOf(error);
  return code === 'EAGAIN' || code === 'EBUSY' || code === 'EINTR';
}

/**
 * Writes all of `text`, blocking; returns its length in bytes. A pipe that is full (EAGAIN) is asked again with growing
 * pauses for at most `patienceMs` in all. Throws `WriteFailure`.
 */
export function writeFully(fd: number, text: string, patienceMs: number): number {
  const bytes = Buffer.byteLength(text);
  let done = 0;
  let waitedMs = 0;
  let pauseMs = FIRST_PAUSE_MS;
  while (done < bytes) {
    try {
      done += done === 0 ? writeSync(fd, text) : writeSync(fd, Buffer.from(text).subarray(done));
    } catch (error) {
      if (!isBusy(error) || waitedMs >= patienceMs) throw new WriteFailure(done, error);
      Atomics.wait(pauseCell, 0, 0, pauseMs);
      waitedMs += pauseMs;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
  return bytes;
}
