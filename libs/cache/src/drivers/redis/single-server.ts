import type { Redis } from 'ioredis';
import type { DriverCall, DriverScanPage, DriverState } from '../cache-driver.js';
import { clientOptions, shownAddress, type RedisDriverOptions } from './redis-options.js';
import { RedisNotices } from './redis-notices.js';
import { RedisPool } from './redis-pool.js';
import { asItIs } from './redis-replies.js';
import { scanCommand, sendOver, type RedisServers } from './redis-servers.js';
import type { SlotSettings } from './redis-slot.js';
import { RedisTracking } from './redis-tracking.js';

/** One server, or the master that sentinels name, behind a pool of connections. */
export class SingleServer implements RedisServers {
  readonly tracking: RedisTracking;
  readonly notices: RedisNotices;
  readonly #settings: SlotSettings;
  readonly #pool: RedisPool;

  constructor(
    options: RedisDriverOptions,
    limits: Pick<SlotSettings, 'connectTimeoutMs' | 'commandTimeoutMs'>,
  ) {
    this.#settings = {
      ...limits,
      options: clientOptions(options, limits.connectTimeoutMs),
      address: shownAddress(options),
    };
    this.#pool = new RedisPool(this.#settings, options.poolSize ?? 1);
    this.notices = new RedisNotices(() => this.#settings);
    this.tracking = new RedisTracking(this.#pool, this.#settings, this);
  }

  get native(): Redis | undefined {
    return this.#pool.current?.client;
  }

  get state(): DriverState {
    return this.#pool.state;
  }

  open(): Promise<void> {
    return this.#pool.open();
  }

  async close(): Promise<void> {
    await Promise.all([this.notices.close(), this.#pool.close()]);
  }

  watch(listener: (state: DriverState, reason: unknown) => void): Disposable {
    return this.#pool.watch(listener);
  }

  tune(commandTimeoutMs: number): void {
    this.#settings.commandTimeoutMs = commandTimeoutMs;
  }

  describe(): Readonly<Record<string, unknown>> {
    return {
      address: this.#settings.address,
      connections: `${this.#pool.ready} of ${this.#pool.size} ready`,
    };
  }

  read<A, T>(
    _key: string,
    call: DriverCall,
    command: (client: Redis) => Promise<A>,
    read: (answer: A) => T,
  ): Promise<T> {
    return sendOver(() => this.#pool.take(), call, command, read);
  }

  /** On the connection of the key: writes of one key never overtake each other. */
  write<A, T>(
    key: string,
    call: DriverCall,
    command: (client: Redis) => Promise<A>,
    read: (answer: A) => T,
  ): Promise<T> {
    return sendOver(() => this.#pool.takeFor(key), call, command, read);
  }

  readGroups(keys: readonly string[]): readonly (readonly string[])[] {
    return [keys];
  }

  writeGroups(keys: readonly string[]): readonly (readonly string[])[] {
    return this.#pool.grouped(keys, asItIs);
  }

  checkTogether(): void {}

  scanPage(prefix: string, cursor: string | undefined, call: DriverCall): Promise<DriverScanPage> {
    return this.read('', call, scanCommand(prefix, cursor), asItIs);
  }

  async ping(call: DriverCall): Promise<void> {
    await this.read('', call, (client) => client.ping(), asItIs);
  }
}
