import type { Position } from './advance.js';
import { LAST_SEQUENCE } from './snowflake-layout.js';

/** How far snowflakes have come: one a provider, shared by what issues them and what keeps the high-water mark. */
export class Timeline implements Position {
  readonly epochMs: number;
  /** Of the last id issued, or passed over. */
  offset = -1;
  sequence = LAST_SEQUENCE;

  constructor(epochMs: number) {
    this.epochMs = epochMs;
  }

  /** Epoch milliseconds of the last id; before the first `epochMs` − 1. */
  get lastMs(): number {
    return this.epochMs + this.offset;
  }

  moveTo(offset: number, sequence: number): void {
    this.offset = offset;
    this.sequence = sequence;
  }

  /** Everything up to and including `ms` counts as issued. */
  passOver(ms: number): void {
    const offset = Math.ceil(ms) - this.epochMs;
    if (offset >= this.offset) this.moveTo(offset, LAST_SEQUENCE);
  }
}
