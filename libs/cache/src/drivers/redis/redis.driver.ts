import { ConfigError, type InfraErrorCode } from '@infra-kit/kernel';
import type { Redis } from 'ioredis';
import type { AtomicScript, ScriptReply } from '../../scripts/atomic-script.js';
import type {
  CacheDriver,
  DriverCall,
  DriverLimits,
  DriverNotices,
  DriverScanPage,
  DriverState,
  DriverTracking,
  DriverWrite,
  Encoded,
} from '../cache-driver.js';
import { clusterNodeProblem, redisUrlProblem } from './redis-address.js';
import { RedisCluster } from './redis-cluster.js';
import { addExactly } from './redis-counters.js';
import { codeOfRedisError, replyWord } from './redis-errors.js';
import { RedisHashes } from './redis-hashes.js';
import type { RedisDriverOptions } from './redis-options.js';
import { asItIs, isOne, isWritten, orUndefined } from './redis-replies.js';
import type { RedisServers } from './redis-servers.js';
import { RedisSets } from './redis-sets.js';
import { RedisSortedSets } from './redis-sorted-sets.js';
import { SingleServer } from './single-server.js';

function setArguments({ ttlMs, condition, keepTtl }: DriverWrite): (string | number)[] {
  const expiry = keepTtl === true ? ['KEEPTTL'] : ttlMs === undefined ? [] : ['PX', ttlMs];
  if (condition === undefined) return expiry;
  return [...expiry, condition === 'absent' ? 'NX' : 'XX'];
}

/** PERSIST alone answers 0 also for an entry that never expires. */
const PERSIST = `redis.call('PERSIST', KEYS[1]) return redis.call('EXISTS', KEYS[1])`;

/**
 * Redis through ioredis: one server, the master that sentinels name, or a cluster. Every method but `setMany` is one
 * command; `getMany`, `delete` and `exists` are one for each group of keys that may be named together: in a cluster
 * those of one hash slot, and for `delete` those whose writes share a connection. A lost or silent connection is
 * replaced by a fresh one; nothing that a server may have carried out is sent twice.
 */
class RedisCacheDriver implements CacheDriver {
  readonly kind = 'redis';
  readonly capabilities = { scan: true, scripts: true };
  readonly local = false;
  readonly hashes: RedisHashes;
  readonly sets: RedisSets;
  readonly sortedSets: RedisSortedSets;
  readonly tracking: DriverTracking | undefined;
  readonly notices: DriverNotices;
  readonly #servers: RedisServers;
  #opened: Promise<void> | undefined;

  constructor(servers: RedisServers) {
    this.#servers = servers;
    this.hashes = new RedisHashes(servers);
    this.sets = new RedisSets(servers);
    this.sortedSets = new RedisSortedSets(servers);
    this.tracking = servers.tracking;
    this.notices = servers.notices;
  }

  /** The ioredis client in use now. A replaced connection is another client: ask again, do not keep it. */
  get native(): unknown {
    return this.#servers.native;
  }

  get state(): DriverState {
    return this.#servers.state;
  }

  connect(): Promise<void> {
    this.#opened ??= this.#servers.open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  watch(listener: (state: DriverState, reason: unknown) => void): Disposable {
    return this.#servers.watch(listener);
  }

  tune({ commandTimeoutMs }: DriverLimits): void {
    this.#servers.tune(commandTimeoutMs);
  }

  describe(): Readonly<Record<string, unknown>> {
    return this.#servers.describe();
  }

  codeOf(error: unknown): InfraErrorCode | undefined {
    return codeOfRedisError(error);
  }

  close(): Promise<void> {
    return this.#servers.close();
  }

  get(key: string, call: DriverCall): Promise<Encoded | undefined> {
    return this.#servers.read(key, call, (client) => client.getBuffer(key), orUndefined);
  }

  async getMany(keys: readonly string[], call: DriverCall): Promise<readonly (Encoded | undefined)[]> {
    const groups = this.#servers.readGroups(keys);
    const answers = await Promise.all(
      groups.map((group) =>
        this.#servers.read(firstOf(group), call, (client) => client.mgetBuffer([...group]), asItIs),
      ),
    );
    if (groups.length === 1) return (answers[0] ?? []).map(orUndefined);
    const found = new Map(groups.flatMap((group, at) => group.map((key, n) => [key, answers[at]?.[n]])));
    return keys.map((key) => found.get(key) ?? undefined);
  }

  starts(
    keys: readonly string[],
    bytes: number,
    call: DriverCall,
  ): Promise<readonly (Encoded | undefined)[]> {
    const start = (key: string): Promise<Encoded | undefined> =>
      this.#servers
        .read(key, call, (client) => client.getrangeBuffer(key, 0, bytes - 1), asItIs)
        .catch((error: unknown) => {
          if (replyWord(error) !== 'WRONGTYPE') throw error;
          return undefined;
        });
    return Promise.all(keys.map(start));
  }

  set(key: string, value: Encoded, write: DriverWrite, call: DriverCall): Promise<boolean> {
    return this.#servers.write(key, call, (client) => setCommand(client, key, value, write), isWritten);
  }

  async setMany(
    entries: readonly (readonly [string, Encoded])[],
    write: DriverWrite,
    call: DriverCall,
  ): Promise<void> {
    await Promise.all(entries.map(([key, value]) => this.set(key, value, write, call)));
  }

  getAndSet(key: string, value: Encoded, write: DriverWrite, call: DriverCall): Promise<Encoded | undefined> {
    return this.#servers.write(
      key,
      call,
      (client) => client.callBuffer('SET', key, value, 'GET', ...setArguments(write)),
      (before) => (Buffer.isBuffer(before) ? before : undefined),
    );
  }

  delete(keys: readonly string[], call: DriverCall): Promise<number> {
    const groups = this.#servers.writeGroups(keys);
    return sumOf(
      groups.map((group) =>
        this.#servers.write(firstOf(group), call, (client) => client.unlink(...group), asItIs),
      ),
    );
  }

  exists(keys: readonly string[], call: DriverCall): Promise<number> {
    const groups = this.#servers.readGroups(keys);
    return sumOf(
      groups.map((group) =>
        this.#servers.read(firstOf(group), call, (client) => client.exists(...group), asItIs),
      ),
    );
  }

  increment(key: string, by: number, call: DriverCall): Promise<number> {
    return addExactly(this.#servers, { key }, by, call);
  }

  expire(key: string, ttlMs: number | undefined, call: DriverCall): Promise<boolean> {
    if (ttlMs !== undefined)
      return this.#servers.write(key, call, (client) => client.pexpire(key, ttlMs), isOne);
    return this.#servers.write(key, call, (client) => client.eval(PERSIST, 1, key), isOne);
  }

  async ttlMs(key: string, call: DriverCall): Promise<number | undefined> {
    const left = await this.#servers.read(key, call, (client) => client.pttl(key), asItIs);
    if (left === -2) return undefined;
    return left === -1 ? Infinity : left;
  }

  scanPage(prefix: string, cursor: string | undefined, call: DriverCall): Promise<DriverScanPage> {
    return this.#servers.scanPage(prefix, cursor, call);
  }

  async run(
    script: AtomicScript<unknown>,
    keys: readonly string[],
    args: readonly string[],
    call: DriverCall,
  ): Promise<ScriptReply> {
    this.#servers.checkTogether(keys);
    const operands = [...keys, ...args];
    const send = (command: (client: Redis) => Promise<unknown>): Promise<ScriptReply> =>
      this.#servers.write(firstOf(keys), call, command, (reply) => reply as ScriptReply);
    try {
      return await send((client) => client.evalsha(script.sha, keys.length, ...operands));
    } catch (error) {
      if (replyWord(error) !== 'NOSCRIPT') throw error;
    }
    // the server has lost its scripts (restart, failover, SCRIPT FLUSH) and ran nothing: EVAL brings this one back
    return send((client) => client.eval(script.lua, keys.length, ...operands));
  }

  ping(call: DriverCall): Promise<void> {
    return this.#servers.ping(call);
  }
}

const firstOf = (keys: readonly string[]): string => keys[0] ?? '';

async function sumOf(counts: readonly Promise<number>[]): Promise<number> {
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

function setCommand(client: Redis, key: string, value: Encoded, write: DriverWrite): Promise<unknown> {
  if (write.ttlMs !== undefined && write.condition === undefined)
    return client.set(key, value, 'PX', write.ttlMs);
  const further = setArguments(write);
  return further.length === 0 ? client.set(key, value) : client.call('SET', key, value, ...further);
}

/** A driver for Redis. Pass it as `driver` to share it among caches; whoever makes it closes it. */
export function redisDriver(options: RedisDriverOptions): CacheDriver {
  const { url, sentinels, clusterNodes, connectTimeoutMs = 5000, commandTimeoutMs = 1000 } = options;
  const problems = [
    ...problemsOf('url', url, redisUrlProblem),
    ...(clusterNodes ?? []).flatMap((node, at) =>
      problemsOf(`clusterNodes[${at}]`, node, clusterNodeProblem),
    ),
  ];
  if (url === undefined && sentinels === undefined && (clusterNodes ?? []).length === 0)
    problems.push('url: Redis needs an address; pass url, sentinels or clusterNodes');
  if (problems.length > 0) throw new ConfigError('cache', problems);
  const limits = { connectTimeoutMs, commandTimeoutMs };
  return new RedisCacheDriver(
    clusterNodes === undefined ? new SingleServer(options, limits) : new RedisCluster(options, limits),
  );
}

function problemsOf<V>(
  field: string,
  value: V | undefined,
  look: (value: V) => string | undefined,
): string[] {
  const problem = value === undefined ? undefined : look(value);
  return problem === undefined ? [] : [`${field}: ${problem}`];
}
