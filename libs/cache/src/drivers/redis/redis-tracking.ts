import type {
  DriverCall,
  DriverTracking,
  TrackedValue,
  TrackingEvents,
  TrackingOptions,
} from '../cache-driver.js';
import type { RedisConnection } from './redis-connection.js';
import type { RedisPool } from './redis-pool.js';
import type { RedisRoute } from './redis-replies.js';
import { RedisSlot, type SlotSettings } from './redis-slot.js';

const CHANNEL = '__redis__:invalidate';

/** What a driver that has a pool can tell of changes. */
export class RedisTracking implements DriverTracking {
  readonly #pool: RedisPool;
  readonly #settings: SlotSettings;
  readonly #route: RedisRoute;

  constructor(pool: RedisPool, settings: SlotSettings, route: RedisRoute) {
    this.#pool = pool;
    this.#settings = settings;
    this.#route = route;
  }

  /** GET and PTTL in one write: what changes between them is told as a change. */
  get(key: string, call: DriverCall): Promise<TrackedValue | undefined> {
    return this.#route.read(
      key,
      call,
      (client) => client.pipeline().getBuffer(key).pttl(key).exec(),
      (replies) => {
        const [data, left] = answersOf(replies);
        return tracked(data, left);
      },
    );
  }

  getMany(keys: readonly string[], call: DriverCall): Promise<readonly (TrackedValue | undefined)[]> {
    return this.#route.read(
      keys[0] ?? '',
      call,
      (client) => {
        const both = client.pipeline().mgetBuffer([...keys]);
        for (const key of keys) both.pttl(key);
        return both.exec();
      },
      (replies) => {
        const [values, ...left] = answersOf(replies);
        return keys.map((_key, index) => tracked((values as unknown[])[index], left[index]));
      },
    );
  }

  async follow(options: TrackingOptions, events: TrackingEvents): Promise<AsyncDisposable> {
    const following = new Following(this.#settings, options, events);
    const watching = this.#pool.watchConnections(() => following.renew());
    try {
      await following.open();
    } catch (error) {
      watching[Symbol.dispose]();
      throw error;
    }
    return {
      [Symbol.asyncDispose]: () => {
        watching[Symbol.dispose]();
        return following.close();
      },
    };
  }
}

type Replies = readonly (readonly [error: Error | null, reply: unknown])[] | null;

function answersOf(replies: Replies): unknown[] {
  return (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}

/** PTTL says -1 where there is no expiry, and -2 where the entry went after it was read. */
function tracked(data: unknown, left: unknown): TrackedValue | undefined {
  if (!Buffer.isBuffer(data)) return undefined;
  return { data, leftMs: left === -1 ? Infinity : Math.max(0, Number(left)) };
}

/**
 * Hears of changes on a connection of its own, by broadcast: the connection redirects the tracking to itself, so that
 * all it takes to hear is this one connection, however many others read and whenever those are replaced. In Redis'
 * default mode the server would remember what each reading connection has read, and forget it without a word when that
 * connection, or the one it redirects to, is gone.
 */
class Following {
  readonly #options: TrackingOptions;
  readonly #events: TrackingEvents;
  readonly #slot: RedisSlot;
  #provenAt = 0;
  #again = false;
  #pings: NodeJS.Timeout | undefined;

  constructor(settings: SlotSettings, options: TrackingOptions, events: TrackingEvents) {
    this.#options = options;
    this.#events = events;
    const own: SlotSettings = {
      ...settings,
      // a ping without answer makes it silent
      commandTimeoutMs: options.pingMs,
      options: { ...settings.options, connectionName: `${settings.options.connectionName}:near` },
      prepare: (connection) => this.#listen(connection),
    };
    this.#slot = new RedisSlot(own, () => this.#look());
  }

  async open(): Promise<void> {
    await this.#slot.open();
    this.#pings = setInterval(() => this.#ping(), this.#options.pingMs).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    await this.#slot.close();
  }

  /** The server may be another one now: listen where the values come from. */
  renew(): void {
    this.#events.down('reconnect');
    // one that is being made may be on its way to the server before
    if (this.#slot.ready) this.#slot.renew();
    else this.#again = true;
  }

  async #listen(connection: RedisConnection): Promise<void> {
    const { prefix, now } = this.#options;
    connection.client.on('messageBuffer', (_channel: Buffer, keys: readonly Buffer[] | null) => {
      if (keys === null) this.#events.flushed();
      else this.#events.changed(keys.map((key) => key.toString()));
    });
    const id = await connection.client.client('ID');
    const only = prefix === '' ? [] : ['PREFIX', prefix];
    await connection.client.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', ...only);
    const sentAt = now();
    await connection.client.subscribe(CHANNEL);
    this.#provenAt = sentAt;
  }

  #look(): void {
    if (this.#slot.ready && this.#again) {
      this.#again = false;
      this.#slot.renew();
    } else if (this.#slot.ready) this.#events.up(this.#provenAt);
    else this.#events.down(this.#slot.up ? 'lost' : 'silent');
  }

  /** Its answer comes behind all changes that were made before it. */
  #ping(): void {
    if (!this.#slot.ready) return;
    const connection = this.#slot.take();
    if (connection instanceof Promise) return;
    const sentAt = this.#options.now();
    connection
      .send(
        (client) => client.ping(),
        () => {
          if (this.#slot.current === connection) this.#events.proved(sentAt);
        },
      )
      .catch(() => undefined); // the slot hears of it by itself
  }
}
