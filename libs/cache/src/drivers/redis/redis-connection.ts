import { Redis } from 'ioredis';
import { InFlight } from './in-flight.js';
import { RedisAwayError, replyWord, withoutCommand } from './redis-errors.js';
import type { ClientOptions } from './redis-options.js';

export interface ConnectionEvents {
  /** The connection ended by itself. */
  lost(reason: unknown): void;
  /** A command has had no answer for the whole of `commandTimeoutMs`. */
  overdue(): void;
  /** The server refuses writes: it is a replica, or has become one. */
  demoted(): void;
}

/**
 * One connection, for one life: it never reconnects, queues nothing while it is not ready, and sends nothing twice.
 * ioredis' own defaults would keep a call on a dead server waiting for 73 s.
 */
const ONE_LIFE: ClientOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
  protocol: 2,
};

export class RedisConnection {
  readonly client: Redis;
  readonly #db: number;
  readonly #inFlight: InFlight;
  readonly #events: ConnectionEvents;
  #lastError: unknown;
  #finished = false;
  #gathering = false;

  constructor(options: ClientOptions, limitMs: () => number, events: ConnectionEvents) {
    this.#events = events;
    this.#inFlight = new InFlight(limitMs, () => events.overdue());
    this.#db = options.db ?? 0;
    this.client = new Redis({ ...options, ...ONE_LIFE });
    this.client.on('error', (error) => (this.#lastError = withoutCommand(error)));
  }

  get ready(): boolean {
    return this.client.status === 'ready';
  }

  /**
   * Resolves when the server has taken the handshake, and all that `prepare` sends; rejects, and leaves nothing open,
   * when it has not in time.
   */
  async open(withinMs: number, prepare?: (connection: this) => Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new RedisAwayError(`no answer to the handshake within ${withinMs} ms`)),
        withinMs,
      );
    });
    try {
      // ioredis times the TCP connect alone: a stopped server accepts and then says nothing
      await Promise.race([this.client.connect(), late]);
      // ioredis goes on in database 0 when its own SELECT was refused
      if (this.#db !== 0) await Promise.race([this.client.select(this.#db), late]);
      if (prepare !== undefined) await Promise.race([prepare(this), late]);
    } catch (error) {
      this.destroy();
      throw this.#lastError ?? withoutCommand(error);
    } finally {
      clearTimeout(timer);
    }
    this.client.once('close', () => {
      if (!this.#finished)
        this.#events.lost(this.#lastError ?? new RedisAwayError('the server closed the connection'));
      this.#finish();
    });
  }

  /** Sends at once, or rejects with nothing sent. `read` makes the result of what the client gives. */
  send<A, T>(command: (client: Redis) => Promise<A>, read: (answer: A) => T): Promise<T> {
    if (this.#inFlight.count > 0) this.#gather();
    const answer = command(this.client);
    this.#inFlight.sent();
    return answer.then(
      (value) => {
        this.#inFlight.answered();
        return read(value);
      },
      (error: unknown) => {
        this.#inFlight.answered();
        if (replyWord(error) === 'READONLY') this.#events.demoted();
        throw withoutCommand(error);
      },
    );
  }

  /** Commands of one turn of the event loop leave in one write instead of one each; a lone one does not wait. */
  #gather(): void {
    const { stream } = this.client;
    if (this.#gathering || stream === undefined) return;
    this.#gathering = true;
    stream.cork();
    process.nextTick(() => {
      this.#gathering = false;
      stream.uncork();
    });
  }

  /** Waits for answers under way, then ends. No command may follow. */
  async drain(withinMs: number): Promise<void> {
    this.#finish();
    await this.#inFlight.settled(withinMs);
    this.destroy();
  }

  destroy(): void {
    this.#finish();
    // ioredis would wait two seconds for the end of a socket that has ended
    if (this.client.status !== 'end') this.client.disconnect();
    this.client.stream?.destroy();
  }

  #finish(): void {
    this.#finished = true;
    this.#inFlight.stop();
  }
}
