/** A value as a driver keeps it. A string stands for its UTF-8 bytes; either may come back for the other. */
export type Encoded = string | Buffer;

/** What one call brings along. */
export interface DriverCall {
  /**
   * Aborts when the front has given up on the call. From then on a driver must not begin to send it;
   * what was sent may still be applied. Rejecting on abort is not needed: the front has answered its caller.
   */
  readonly signal: AbortSignal;
}
