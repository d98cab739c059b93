/** Limits of one call. Accepted as the last parameter of every I/O method of every provider. */
export interface CallOptions {
  /** Aborting it ends the call with `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
  /** Longest time the caller waits, in milliseconds; passing it ends the call with `DEADLINE_EXCEEDED`. */
  readonly timeoutMs?: number | undefined;
}
