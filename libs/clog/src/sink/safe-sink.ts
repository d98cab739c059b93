import { messageOf, type Clock } from '@infra-kit/kernel';
import type { LineSink, LineTarget } from './line-sink.js';
import { writeFully } from './write-fully.js';

export interface SafeSinkOptions {
  readonly clock: Clock;
  /** Makes the one line that tells stderr of a fault, or of its end. */
  readonly report: (message: string, fields: object) => string;
  /** Called for each line that goes to stderr instead. */
  readonly diverted: () => void;
}

const STDERR = 2;
const RETRY_MS = 1000;
const REPORT_EVERY_MS = 60_000;
/** stderr gets less patience than the output: a service must not stand still for it. */
const STDERR_PATIENCE_MS = 1000;

/**
 * Keeps the service running whatever its output does: while the target fails lines go to stderr, the fault is reported
 * there once, and the target is tried again every second at a line's occasion. No line waits in memory.
 */
export class SafeSink implements LineSink {
  readonly #target: LineTarget;
  readonly #options: SafeSinkOptions;
  #fault: string | undefined;
  #retryAt = 0;
  #reportedAt = -Infinity;
  #elsewhere = 0;
  #closing: Promise<void> | undefined;

  constructor(target: LineTarget, options: SafeSinkOptions) {
    this.#target = target;
    this.#options = options;
    this.reopen();
  }

  get target(): string {
    return this.#target.path;
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  write(line: string): void {
    if (this.#closing !== undefined || (this.#fault !== undefined && !this.#recovered())) {
      this.#divert(line);
      return;
    }
    try {
      this.#target.write(line);
    } catch (error) {
      this.#failed(error);
      this.#divert(line);
      return;
    }
    if (this.#elsewhere > 0) this.#restored();
  }

  /** Opens the target anew: its file was moved away by others. */
  reopen(): void {
    if (this.#closing !== undefined) return;
    try {
      this.#target.open();
      this.#fault = undefined;
    } catch (error) {
      this.#failed(error);
    }
  }

  async flush(): Promise<void> {
    if (this.#fault === undefined) await this.#target.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#target.close();
    return this.#closing;
  }

  #recovered(): boolean {
    if (this.#options.clock.monotonic() < this.#retryAt) return false;
    this.reopen();
    return this.#fault === undefined;
  }

  #failed(error: unknown): void {
    const now = this.#options.clock.monotonic();
    this.#retryAt = now + RETRY_MS;
    this.#fault = messageOf(error);
    if (now - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = now;
    const fields = { output: this.#target.path, reason: this.#fault };
    this.#toStderr(
      this.#options.report('the log output cannot be written, lines go to stderr meanwhile', fields),
    );
  }

  #restored(): void {
    const fields = { output: this.#target.path, diverted: this.#elsewhere };
    this.#elsewhere = 0;
    this.#toStderr(this.#options.report('the log output is written again', fields));
  }

  #divert(line: string): void {
    if (this.#fault !== undefined) this.#elsewhere++;
    this.#options.diverted();
    this.#toStderr(line);
  }

  #toStderr(line: string): void {
    try {
      writeFully(STDERR, line, STDERR_PATIENCE_MS);
    } catch {
      // stderr was the last resort
    }
  }
}
