import type { RawHeaders } from '../drivers/mq-driver.js';
import type { Incoming } from './incoming.js';

/** How far a message has come; kept while it is tried again. */
export interface Progress {
  incoming: Incoming | undefined;
  /** Runs of the handler in this round. */
  tries: number;
  firstFailedAt: Date | undefined;
  /** It has left the handler for good: where it goes, and how often that has failed. */
  leaving:
    | { readonly topic: string; readonly headers: RawHeaders; readonly outcome: string; failures: number }
    | undefined;
}
