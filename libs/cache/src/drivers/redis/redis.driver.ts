import { ConfigError, type InfraErrorCode } from '@infra-kit/kernel';
import type { Redis } from 'ioredis';
import type { AtomicScript, ScriptReply } from '../../scripts/atomic-script.js';
import type {
  CacheDriver,
  DriverCall,
  DriverLimits,
  DriverScanPage,
  DriverState,
  DriverWrite,
  Encoded,
} from '../cache-driver.js';
import { redisUrlProblem } from './redis-address.js';
import type { RedisConnection } from './redis-connection.js';
import { codeOfRedisError, replyWord } from './redis-errors.js';
import { RedisHashes } from './redis-hashes.js';
import { clientOptions, shownAddress, type RedisDriverOptions } from './redis-options.js';
import { RedisPool } from './redis-pool.js';
import { asItIs, isOne, isWritten, orUndefined, type RedisRoute } from './redis-replies.js';
import { RedisSets } from './redis-sets.js';
import type { SlotSettings } from './redis-slot.js';
import { RedisSortedSets } from './redis-sorted-sets.js';
import { RedisTracking } from './redis-tracking.js';

const SCAN_COUNT = 500;
const SCAN_START = '0';

/** MATCH reads a glob; a prefix is meant literally. */
const asPattern = (prefix: string): string => `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`;

function setArguments({ ttlMs, condition, keepTtl }: DriverWrite): (string | number)[] {
  const expiry = keepTtl === true ? ['KEEPTTL'] : ttlMs === undefined ? [] : ['PX', ttlMs];
  if (condition === undefined) return expiry;
  return [...expiry, condition === 'absent' ? 'NX' : 'XX'];
}

/**
 * Redis through ioredis: one server, or the master that sentinels name. Every method is one command, `setMany` and
 * `expire` excepted, and `delete` of keys whose writes travel on several connections. A lost or silent connection is
 * replaced by a fresh one; nothing is sent twice.
 */
class RedisCacheDriver implements CacheDriver {
  readonly kind = 'redis';
  readonly capabilities = { scan: true, scripts: true };
  readonly local = false;
  readonly hashes: RedisHashes;
  readonly sets: RedisSets;
  readonly sortedSets: RedisSortedSets;
  readonly tracking: RedisTracking;
  readonly #settings: SlotSettings;
  readonly #pool: RedisPool;
  #opened: Promise<void> | undefined;

  constructor(options: RedisDriverOptions) {
    const connectTimeoutMs = options.connectTimeoutMs ?? 5000;
    this.#settings = {
      options: clientOptions(options, connectTimeoutMs),
      address: shownAddress(options),
      connectTimeoutMs,
      commandTimeoutMs: options.commandTimeoutMs ?? 1000,
    };
    this.#pool = new RedisPool(this.#settings, options.poolSize ?? 1);
    const route: RedisRoute = {
      read: (_key, call, command, read) => this.#send(call, command, read),
      write: (key, call, command, read) => this.#write(key, call, command, read),
    };
    this.hashes = new RedisHashes(route);
    this.sets = new RedisSets(route);
    this.sortedSets = new RedisSortedSets(route);
    this.tracking = new RedisTracking(this.#pool, this.#settings, route);
  }

  /** The ioredis client in use now. A replaced connection is another client: ask again, do not keep it. */
  get native(): Redis | undefined {
    return this.#pool.current?.client;
  }

  get state(): DriverState {
    return this.#pool.state;
  }

  connect(): Promise<void> {
    this.#opened ??= this.#pool.open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  watch(listener: (state: DriverState, reason: unknown) => void): Disposable {
    return this.#pool.watch(listener);
  }

  tune({ commandTimeoutMs }: DriverLimits): void {
    this.#settings.commandTimeoutMs = commandTimeoutMs;
  }

  describe(): Readonly<Record<string, unknown>> {
    return {
      address: this.#settings.address,
      connections: `${this.#pool.ready} of ${this.#pool.size} ready`,
    };
  }

  codeOf(error: unknown): InfraErrorCode | undefined {
    return codeOfRedisError(error);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  get(key: string, call: DriverCall): Promise<Encoded | undefined> {
    return this.#send(call, (client) => client.getBuffer(key), orUndefined);
  }

  getMany(keys: readonly string[], call: DriverCall): Promise<readonly (Encoded | undefined)[]> {
    return this.#send(
      call,
      (client) => client.mgetBuffer([...keys]),
      (values) => values.map(orUndefined),
    );
  }

  set(key: string, value: Encoded, write: DriverWrite, call: DriverCall): Promise<boolean> {
    return this.#write(key, call, (client) => setCommand(client, key, value, write), isWritten);
  }

  async setMany(
    entries: readonly (readonly [string, Encoded])[],
    write: DriverWrite,
    call: DriverCall,
  ): Promise<void> {
    const all = (group: typeof entries, client: Redis): Promise<unknown> =>
      Promise.all(group.map(([key, value]) => setCommand(client, key, value, write)));
    await Promise.all(
      this.#pool
        .grouped(entries, keyOf)
        .map((group) => this.#write(firstOf(group.map(keyOf)), call, (client) => all(group, client), asItIs)),
    );
  }

  getAndSet(key: string, value: Encoded, write: DriverWrite, call: DriverCall): Promise<Encoded | undefined> {
    return this.#write(
      key,
      call,
      (client) => client.callBuffer('SET', key, value, 'GET', ...setArguments(write)),
      (before) => (Buffer.isBuffer(before) ? before : undefined),
    );
  }

  async delete(keys: readonly string[], call: DriverCall): Promise<number> {
    const counts = await Promise.all(
      this.#pool
        .grouped(keys, asItIs)
        .map((group) => this.#write(firstOf(group), call, (client) => client.unlink(...group), asItIs)),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  exists(keys: readonly string[], call: DriverCall): Promise<number> {
    return this.#ask(call, (client) => client.exists(...keys));
  }

  increment(key: string, by: number, call: DriverCall): Promise<number> {
    return this.#write(key, call, (client) => client.incrby(key, by), asItIs);
  }

  expire(key: string, ttlMs: number | undefined, call: DriverCall): Promise<boolean> {
    if (ttlMs !== undefined) return this.#write(key, call, (client) => client.pexpire(key, ttlMs), isOne);
    // PERSIST answers 0 also for an entry that never expires
    return this.#write(
      key,
      call,
      (client) => Promise.all([client.persist(key), client.exists(key)]),
      ([persisted, there]) => persisted === 1 || there === 1,
    );
  }

  async ttlMs(key: string, call: DriverCall): Promise<number | undefined> {
    const left = await this.#ask(call, (client) => client.pttl(key));
    if (left === -2) return undefined;
    return left === -1 ? Infinity : left;
  }

  async scanPage(prefix: string, cursor: string | undefined, call: DriverCall): Promise<DriverScanPage> {
    const [next, keys] = await this.#ask(call, (client) =>
      client.scan(cursor ?? SCAN_START, 'MATCH', asPattern(prefix), 'COUNT', SCAN_COUNT),
    );
    return { keys, next: next === SCAN_START ? undefined : next };
  }

  async run(
    script: AtomicScript<unknown>,
    keys: readonly string[],
    args: readonly string[],
    call: DriverCall,
  ): Promise<ScriptReply> {
    const operands = [...keys, ...args];
    const send = (command: (client: Redis) => Promise<unknown>): Promise<ScriptReply> =>
      this.#write(firstOf(keys), call, command, (reply) => reply as ScriptReply);
    try {
      return await send((client) => client.evalsha(script.sha, keys.length, ...operands));
    } catch (error) {
      if (replyWord(error) !== 'NOSCRIPT') throw error;
    }
    // the server has lost its scripts (restart, failover, SCRIPT FLUSH) and ran nothing: EVAL brings this one back
    return send((client) => client.eval(script.lua, keys.length, ...operands));
  }

  async ping(call: DriverCall): Promise<void> {
    await this.#ask(call, (client) => client.ping());
  }

  #ask<T>(call: DriverCall, command: (client: Redis) => Promise<T>): Promise<T> {
    return this.#send(call, command, asItIs);
  }

  #send<A, T>(call: DriverCall, command: (client: Redis) => Promise<A>, read: (answer: A) => T): Promise<T> {
    return this.#over(() => this.#pool.take(), call, command, read);
  }

  /** On the connection of the key: writes of one key never overtake each other. */
  #write<A, T>(
    key: string,
    call: DriverCall,
    command: (client: Redis) => Promise<A>,
    read: (answer: A) => T,
  ): Promise<T> {
    return this.#over(() => this.#pool.takeFor(key), call, command, read);
  }

  #over<A, T>(
    take: () => RedisConnection | Promise<RedisConnection>,
    call: DriverCall,
    command: (client: Redis) => Promise<A>,
    read: (answer: A) => T,
  ): Promise<T> {
    try {
      const taken = take();
      return taken instanceof Promise
        ? this.#sendLater(taken, call, command, read)
        : taken.send(command, read);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  async #sendLater<A, T>(
    taken: Promise<RedisConnection>,
    call: DriverCall,
    command: (client: Redis) => Promise<A>,
    read: (answer: A) => T,
  ): Promise<T> {
    const connection = await taken;
    call.signal.throwIfAborted();
    return connection.send(command, read);
  }
}

const keyOf = ([key]: readonly [string, Encoded]): string => key;
const firstOf = (keys: readonly string[]): string => keys[0] ?? '';

function setCommand(client: Redis, key: string, value: Encoded, write: DriverWrite): Promise<unknown> {
  if (write.ttlMs !== undefined && write.condition === undefined)
    return client.set(key, value, 'PX', write.ttlMs);
  const further = setArguments(write);
  return further.length === 0 ? client.set(key, value) : client.call('SET', key, value, ...further);
}

/** A driver for Redis. Pass it as `driver` to share it among caches; whoever makes it closes it. */
export function redisDriver(options: RedisDriverOptions): CacheDriver {
  const problem = options.url === undefined ? undefined : redisUrlProblem(options.url);
  if (problem !== undefined) throw new ConfigError('cache', [`url: ${problem}`]);
  if (options.url === undefined && options.sentinels === undefined)
    throw new ConfigError('cache', ['url: Redis needs an address; pass url or sentinels']);
  return new RedisCacheDriver(options);
}
