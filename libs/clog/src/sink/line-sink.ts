/** Where lines end up. `write` is synchronous, takes whole lines and never throws. */
export interface LineSink {
  /** What it writes to, for people. */
  readonly target: string;
  /** Why lines go to stderr at present; undefined while all is well. */
  readonly fault: string | undefined;
  write(line: string): void;
  /** Resolves when what was written is on the device. */
  flush(): Promise<void>;
  /** Idempotent; a line written afterwards goes to stderr. */
  close(): Promise<void>;
}

/** A place that can fail: what a SafeSink guards. */
export interface LineTarget {
  readonly path: string;
  /** Whether it is another than the one asked for, which somebody else holds. */
  readonly isElsewhere: boolean;
  /** Opens it, or opens it anew. Throws. */
  open(): void;
  /** Writes a whole line or throws, and then none of it is there. */
  write(line: string): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}
