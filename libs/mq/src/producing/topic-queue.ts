import type { Clock, Timer } from '@infra-kit/kernel';
import type { Envelope } from './envelope.js';

type Settle = (
  error: Error | undefined,
  place?: { readonly partition: number; readonly offset: bigint },
) => void;

/** A message on its way. */
export class QueuedSend {
  readonly envelope: Envelope;
  /** Nobody waits any more: it is left out when it has not gone yet. */
  cancelled = false;
  readonly #settle: Settle;
  #settled = false;

  constructor(envelope: Envelope, settle: Settle) {
    this.envelope = envelope;
    this.#settle = settle;
  }

  /** The first call counts. */
  readonly settle: Settle = (error, place) => {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle(error, place);
  };
}

export interface TopicQueueOptions {
  readonly clock: Clock;
  readonly lingerMs: number;
  readonly batchBytes: number;
  /** Sends a batch and settles each of it; never rejects. */
  readonly fly: (batch: readonly QueuedSend[]) => Promise<void>;
}

/**
 * Messages to one topic, one request at a time: what comes while a request is under way goes with the next one. So order
 * is kept whatever fails, and callers in parallel share requests.
 */
export class TopicQueue {
  readonly #options: TopicQueueOptions;
  #waiting: QueuedSend[] = [];
  #flying = false;
  #linger: Timer | undefined;
  #added = 0;
  #settled = 0;
  #flushes: { readonly until: number; readonly resolve: () => void }[] = [];

  constructor(options: TopicQueueOptions) {
    this.#options = options;
  }

  /** `patient`: it may wait for company. */
  add(sends: readonly QueuedSend[], patient: boolean): void {
    for (const send of sends) this.#waiting.push(send);
    this.#added += sends.length;
    if (!patient) this.#launch();
    else this.#linger ??= this.#options.clock.setTimeout(() => this.#launch(), this.#options.lingerMs);
  }

  /** Sends what waits, and resolves when all that was added before has settled. */
  flush(): Promise<void> {
    this.#launch();
    if (this.#settled >= this.#added) return Promise.resolve();
    return new Promise((resolve) => this.#flushes.push({ until: this.#added, resolve }));
  }

  #launch(): void {
    this.#linger?.[Symbol.dispose]();
    this.#linger = undefined;
    if (this.#flying || this.#waiting.length === 0) return;
    const batch = this.#take();
    this.#flying = true;
    void this.#options.fly(batch).then(() => {
      this.#flying = false;
      this.#settled += batch.length;
      this.#launch();
      for (const { resolve } of this.#flushes.filter(({ until }) => until <= this.#settled)) resolve();
      this.#flushes = this.#flushes.filter(({ until }) => until > this.#settled);
    });
  }

  #take(): QueuedSend[] {
    let bytes = 0;
    let count = 0;
    for (const { envelope } of this.#waiting) {
      bytes += envelope.bytes;
      if (count > 0 && bytes > this.#options.batchBytes) break;
      count++;
    }
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return batch;
  }
}
