import { messageOf, type Clock, type Logger } from '@infra-kit/kernel';
import { exportedItems } from '../metrics.telemetry.js';
import type { Undelivered } from './running-sdk.js';

export type Signal = 'spans' | 'metrics' | 'logs';

const QUIET_MS = 60_000;

/** The account of one signal. */
class Account {
  /** Handed in and neither delivered nor given up. */
  waiting = 0;
  /** Lost since the last warning. */
  unsaid = 0;
}

/** Knows what became of everything that was to be exported, and warns of losses: once a minute, for all signals together. */
export class ExportWatch {
  readonly #accounts = new Map<Signal, Account>();
  readonly #logger: Logger;
  readonly #clock: Clock;
  #warnedAt = -Infinity;
  #lost = 0;
  #reason = '';

  constructor({ logger, clock }: { readonly logger: Logger; readonly clock: Clock }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  accepted(signal: Signal, items: number): void {
    this.#of(signal).waiting += items;
  }

  delivered(signal: Signal, items: number): void {
    this.#of(signal).waiting -= items;
    exportedItems.add(items, { signal, outcome: 'sent' });
  }

  /** The collector did not take them. */
  failed(signal: Signal, items: number, error: unknown): void {
    this.#of(signal).waiting -= items;
    this.#lose(signal, items, 'failed', messageOf(error));
  }

  /** There was no room for them to wait. */
  dropped(signal: Signal, items: number): void {
    this.#lose(signal, items, 'dropped', 'the queue is full');
  }

  /** Lost so far, of all signals. */
  get lost(): number {
    return this.#lost;
  }

  /** Why the last was lost. */
  get reason(): string {
    return this.#reason;
  }

  undelivered(): Undelivered {
    const open = [...this.#accounts].filter(([, { waiting }]) => waiting > 0);
    return Object.fromEntries(open.map(([signal, { waiting }]) => [signal, waiting]));
  }

  #lose(signal: Signal, items: number, outcome: 'failed' | 'dropped', reason: string): void {
    const account = this.#of(signal);
    this.#lost += items;
    this.#reason = reason;
    account.unsaid += items;
    exportedItems.add(items, { signal, outcome });
    const now = this.#clock.monotonic();
    if (now - this.#warnedAt < QUIET_MS) return;
    this.#warnedAt = now;
    const lost = Object.fromEntries([...this.#accounts].map(([name, { unsaid }]) => [name, unsaid]));
    for (const each of this.#accounts.values()) each.unsaid = 0;
    this.#logger.warn('telemetry is lost: the collector does not take it', { signal, reason, lost });
  }

  #of(signal: Signal): Account {
    let account = this.#accounts.get(signal);
    if (account === undefined) this.#accounts.set(signal, (account = new Account()));
    return account;
  }
}
