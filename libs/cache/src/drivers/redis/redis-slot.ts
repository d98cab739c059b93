import { RedisConnection } from './redis-connection.js';
import { RedisAwayError } from './redis-errors.js';
import type { ClientOptions } from './redis-options.js';

export interface SlotSettings {
  readonly options: ClientOptions;
  /** For messages: no credentials. */
  readonly address: string;
  readonly connectTimeoutMs: number;
  commandTimeoutMs: number;
  /** What each fresh connection has to send before it is ready. */
  readonly prepare?: ((connection: RedisConnection) => Promise<void>) | undefined;
}

/**
 * opening: a connection is being made and calls may wait for it: at the start, once after a connection was lost, and
 * after one fell silent. away: the last attempt failed, calls are refused at once, attempts go on with growing pauses.
 */
type Stage =
  | { readonly at: 'opening'; readonly silent: boolean; readonly done: Promise<RedisConnection> }
  | { readonly at: 'ready'; readonly connection: RedisConnection }
  | { readonly at: 'away'; readonly reason: RedisAwayError }
  | { readonly at: 'closed' };

const PAUSE_STEP_MS = 50;
const PAUSE_MAX_MS = 500;
/** How long a closing connection may wait for answers. */
const DRAIN_MS = 1000;

/** A place for one connection: makes it, replaces it when it is lost or falls silent, and makes it again by itself. */
export class RedisSlot {
  readonly #settings: SlotSettings;
  readonly #changed: (reason: unknown) => void;
  #stage: Stage = { at: 'away', reason: new RedisAwayError('not connected yet') };
  #current: RedisConnection | undefined;
  #retry: NodeJS.Timeout | undefined;
  #attempts = 0;

  constructor(settings: SlotSettings, changed: (reason: unknown) => void) {
    this.#settings = settings;
    this.#changed = changed;
  }

  /** The connection made last, for `native`. */
  get current(): RedisConnection | undefined {
    return this.#current;
  }

  get ready(): boolean {
    return this.#stage.at === 'ready';
  }

  get waiting(): boolean {
    return this.#stage.at === 'opening';
  }

  /** False when calls fail or get no answer; a first attempt to come back after a loss does not count yet. */
  get up(): boolean {
    return this.#stage.at === 'ready' || (this.#stage.at === 'opening' && !this.#stage.silent);
  }

  /** The first connection: rejects when it cannot be made, and tries no more. */
  async open(): Promise<void> {
    if (this.#stage.at === 'ready') return;
    try {
      await this.#begin(false);
    } catch (error) {
      this.#stage = { at: 'away', reason: error as RedisAwayError };
      throw error;
    }
  }

  /** The first connection, in the background: tries until there is one. */
  start(): void {
    this.#restore(false, new RedisAwayError('not connected yet'));
  }

  /** A connection to send on: at once, after the attempt under way, or an error at once. */
  take(): RedisConnection | Promise<RedisConnection> {
    const stage = this.#stage;
    if (stage.at === 'ready') return stage.connection;
    if (stage.at === 'opening') return stage.done;
    throw stage.at === 'away' ? stage.reason : this.#away(new Error('the driver is closed'));
  }

  /** Puts a fresh connection in the place of one that is ready. */
  renew(): void {
    if (this.#stage.at === 'ready') this.#replace(this.#stage.connection, false);
  }

  async close(): Promise<void> {
    const stage = this.#stage;
    this.#stage = { at: 'closed' };
    clearTimeout(this.#retry);
    if (stage.at === 'ready') await stage.connection.drain(DRAIN_MS);
    else this.#current?.destroy();
  }

  /** Puts a fresh connection in the place of `connection`; what it has under way may still be answered. */
  #replace(connection: RedisConnection, silent: boolean): void {
    if (this.#stage.at !== 'ready' || this.#stage.connection !== connection) return;
    void connection.drain(this.#settings.commandTimeoutMs);
    this.#restore(silent, new RedisAwayError(`no answer within ${this.#settings.commandTimeoutMs} ms`));
  }

  #away(reason: unknown): RedisAwayError {
    const why = reason instanceof Error ? reason.message : String(reason);
    return new RedisAwayError(`no connection to ${this.#settings.address}: ${why}`, { cause: reason });
  }

  #begin(silent: boolean): Promise<RedisConnection> {
    const done = this.#connect();
    this.#stage = { at: 'opening', silent, done };
    return done;
  }

  /** The attempt right after a loss: whoever calls now waits for its outcome. */
  #restore(silent: boolean, reason: unknown): void {
    this.#begin(silent).catch((error: RedisAwayError) => this.#goAway(error));
    this.#changed(reason);
  }

  /** Rejects with a RedisAwayError alone. */
  async #connect(): Promise<RedisConnection> {
    const { options, connectTimeoutMs, prepare } = this.#settings;
    const connection: RedisConnection = new RedisConnection(options, () => this.#settings.commandTimeoutMs, {
      lost: (reason) => {
        if (this.#stage.at === 'ready' && this.#stage.connection === connection) this.#restore(false, reason);
      },
      overdue: () => this.#replace(connection, true),
      // a fresh connection finds the new master
      demoted: () => this.#replace(connection, false),
    });
    this.#current = connection;
    try {
      await connection.open(connectTimeoutMs, prepare);
    } catch (error) {
      throw this.#away(error);
    }
    if (this.#stage.at === 'closed') {
      connection.destroy();
      throw this.#away(new RedisAwayError('closed'));
    }
    this.#attempts = 0;
    this.#stage = { at: 'ready', connection };
    this.#changed(undefined);
    return connection;
  }

  #goAway(reason: RedisAwayError): void {
    if (this.#stage.at === 'closed') return;
    this.#stage = { at: 'away', reason };
    this.#changed(reason);
    const pause = Math.min(++this.#attempts * PAUSE_STEP_MS, PAUSE_MAX_MS) * (0.5 + Math.random() / 2);
    this.#retry = setTimeout(() => {
      this.#connect().catch((error: RedisAwayError) => this.#goAway(error));
    }, pause).unref();
  }
}
