import type { DriverNotices } from '../cache-driver.js';
import type { RedisConnection } from './redis-connection.js';
import { isReply } from './redis-errors.js';
import { RedisSlot, type SlotSettings } from './redis-slot.js';

type Listener = (message: string) => void;

/**
 * Publish/subscribe, on a connection of its own (Redis gives a subscribing one to nothing else), which is made when
 * somebody listens first. In a cluster any node hears what is published on any other.
 */
export class RedisNotices implements DriverNotices {
  readonly #place: () => SlotSettings;
  readonly #channels = new Map<string, Set<Listener>>();
  /** Asked for on the connection in use. */
  #asked = new Set<string>();
  #address = '';
  #slot: RedisSlot | undefined;
  #closed = false;

  /** `place` says where to connect; it is asked again when the server in use is away. */
  constructor(place: () => SlotSettings) {
    this.#place = place;
  }

  listen(channel: string, listener: Listener): Disposable {
    const listeners = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, listeners.add(listener));
    if (!this.#closed) this.#connect();
    this.#subscribe([channel]);
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size > 0 || this.#channels.get(channel) !== listeners) return;
        this.#channels.delete(channel);
        this.#unsubscribe(channel);
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#slot?.close();
  }

  #connect(): void {
    if (this.#slot?.up === true) return;
    const settings = this.#place();
    if (this.#slot !== undefined && this.#address === settings.address) return; // it goes on trying
    void this.#slot?.close();
    this.#address = settings.address;
    const slot: RedisSlot = new RedisSlot(
      {
        ...settings,
        options: { ...settings.options, connectionName: `${settings.options.connectionName}:notices` },
        prepare: (connection) => this.#prepare(connection),
      },
      () => {
        if (slot === this.#slot && slot.ready) this.#caughtUp();
      },
    );
    this.#slot = slot;
    slot.start();
  }

  async #prepare(connection: RedisConnection): Promise<void> {
    connection.client.on('message', (channel: string, message: string) => this.#tell(channel, message));
    this.#asked = new Set(this.#channels.keys());
    if (this.#asked.size === 0) return;
    await connection.client.subscribe(...this.#asked).catch((error: unknown) => {
      if (!isReply(error)) throw error; // a user who may not subscribe waits by looking
    });
  }

  /** What was published while there was no connection was missed. */
  #caughtUp(): void {
    this.#subscribe([...this.#channels.keys()]);
    for (const channel of this.#channels.keys()) this.#tell(channel, '');
  }

  #subscribe(channels: readonly string[]): void {
    const connection = this.#connection();
    const fresh = channels.filter((channel) => !this.#asked.has(channel));
    if (connection === undefined || fresh.length === 0) return;
    for (const channel of fresh) this.#asked.add(channel);
    const asked = connection.send(
      (client) => client.subscribe(...fresh),
      () => {
        // what was published before was not heard
        for (const channel of fresh) this.#tell(channel, '');
      },
    );
    asked.catch(() => undefined); // the slot hears of a lost connection by itself
  }

  #unsubscribe(channel: string): void {
    const connection = this.#connection();
    if (connection === undefined || !this.#asked.delete(channel)) return;
    connection
      .send(
        (client) => client.unsubscribe(channel),
        () => undefined,
      )
      .catch(() => undefined);
  }

  #connection(): RedisConnection | undefined {
    if (this.#slot?.ready !== true) return undefined;
    const connection = this.#slot.take();
    return connection instanceof Promise ? undefined : connection;
  }

  #tell(channel: string, message: string): void {
    for (const listener of this.#channels.get(channel) ?? []) listener(message);
  }
}
