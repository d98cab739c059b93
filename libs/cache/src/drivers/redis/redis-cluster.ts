import { InfraError } from '@infra-kit/kernel';
import { Cluster, type Redis } from 'ioredis';
import type { DriverCall, DriverScanPage, DriverState } from '../cache-driver.js';
import { ClusterNodes, splitAddress, type ClusterNode } from './cluster-nodes.js';
import { ClusterView } from './cluster-view.js';
import { hashSlot } from './hash-slot.js';
import { RedisAwayError, replyWord } from './redis-errors.js';
import { clusterAddresses, clusterOptions, type RedisDriverOptions } from './redis-options.js';
import { asItIs } from './redis-replies.js';
import { RedisNotices } from './redis-notices.js';
import { scanCommand, sendOver, type RedisServers } from './redis-servers.js';
import type { SlotSettings } from './redis-slot.js';
import { redirectionOf, type NodeAddress } from './slot-map.js';

/** How often one call follows a redirection. */
const MAX_REDIRECTIONS = 5;

/**
 * The masters of a Redis Cluster, each behind a pool of its own, so that what holds for a single server holds for each
 * of them: nothing queues, and nothing a node may have carried out is sent twice. Commands go by hash slot; a node that
 * does not hold the key says so and does nothing, and the command goes where it points.
 */
export class RedisCluster implements RedisServers {
  readonly tracking = undefined;
  readonly notices: RedisNotices;
  readonly #settings: SlotSettings;
  readonly #seeds: readonly NodeAddress[];
  readonly #nodes: ClusterNodes;
  readonly #view: ClusterView;
  readonly #listeners = new Set<(state: DriverState, reason: unknown) => void>();
  #state: DriverState = 'up';
  #native: Cluster | undefined;
  #turn = 0;

  constructor(
    options: RedisDriverOptions,
    limits: Pick<SlotSettings, 'connectTimeoutMs' | 'commandTimeoutMs'>,
  ) {
    this.#seeds = clusterAddresses(options);
    this.#settings = {
      ...limits,
      options: clusterOptions(options, limits.connectTimeoutMs),
      address: `cluster ${this.#seeds.join(', ')}`,
    };
    this.#nodes = new ClusterNodes(this.#settings, options.poolSize ?? 1, (reason) => this.#look(reason));
    this.#view = new ClusterView(this.#settings, this.#seeds, this.#nodes);
    this.notices = new RedisNotices(() => this.#hearingPlace());
  }

  /** ioredis' own `Cluster`, made and connected when it is first used. The cache itself does not go through it. */
  get native(): Cluster {
    if (this.#native === undefined) {
      const nodes = this.#seeds.map(splitAddress);
      this.#native = new Cluster(nodes, { lazyConnect: true, redisOptions: this.#settings.options });
      this.#native.on('error', () => undefined); // its calls reject; a line on stderr for each is no use
    }
    return this.#native;
  }

  get state(): DriverState {
    return this.#state;
  }

  async open(): Promise<void> {
    const masters = await this.#view.learn();
    await this.#nodes.open(masters);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#view.close();
    this.#native?.disconnect();
    await Promise.all([this.notices.close(), this.#nodes.close()]);
  }

  watch(listener: (state: DriverState, reason: unknown) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  tune(commandTimeoutMs: number): void {
    this.#settings.commandTimeoutMs = commandTimeoutMs;
    for (const { settings } of this.#nodes.all) settings.commandTimeoutMs = commandTimeoutMs;
  }

  describe(): Readonly<Record<string, unknown>> {
    const nodes = this.#nodes.all.map(
      ({ pool, settings }) => `${settings.address}: ${pool.ready} of ${pool.size} ready`,
    );
    return { address: this.#settings.address, connections: nodes };
  }

  read<A, T>(
    key: string,
    call: DriverCall,
    command: (client: Redis) => Promise<A>,
    read: (answer: A) => T,
  ): Promise<T> {
    const take = (node: ClusterNode): ReturnType<ClusterNode['pool']['take']> => node.pool.take();
    return this.#send(hashSlot(key), { call, command, read, take });
  }

  /** What writes the keys of one slot travels on one connection of the slot's node, in its order. */
  write<A, T>(
    key: string,
    call: DriverCall,
    command: (client: Redis) => Promise<A>,
    read: (answer: A) => T,
  ): Promise<T> {
    const slot = hashSlot(key);
    const take = (node: ClusterNode): ReturnType<ClusterNode['pool']['take']> => node.pool.takeFor(`${slot}`);
    return this.#send(slot, { call, command, read, take });
  }

  readGroups(keys: readonly string[]): readonly (readonly string[])[] {
    return [...Map.groupBy(keys, hashSlot).values()];
  }

  writeGroups(keys: readonly string[]): readonly (readonly string[])[] {
    return this.readGroups(keys);
  }

  checkTogether(keys: readonly string[]): void {
    if (new Set(keys.map(hashSlot)).size <= 1) return;
    throw new InfraError(
      'INVALID_ARGUMENT',
      'the keys of a script must lie in one hash slot of the cluster; give them the same hash tag, such as {user:7}:a and {user:7}:b',
    );
  }

  /** The masters one after the other; the cursor names the one it is at. */
  async scanPage(prefix: string, cursor: string | undefined, call: DriverCall): Promise<DriverScanPage> {
    const { masters } = this.#view.slots;
    const [, at = masters[0] ?? '', within] = /^(\S+) (\S*)$/.exec(cursor ?? '') ?? [];
    const node = masters.includes(at) ? this.#nodes.find(at) : undefined;
    if (node === undefined)
      throw new RedisAwayError(
        `${at || 'every node'} is no master of the cluster any more; begin the scan anew`,
      );
    const page = await sendOver(
      () => node.pool.take(),
      call,
      scanCommand(prefix, within || undefined),
      asItIs,
    );
    if (page.next !== undefined) return { keys: page.keys, next: `${at} ${page.next}` };
    const following = masters.find((address) => address > at);
    return { keys: page.keys, next: following === undefined ? undefined : `${following} ` };
  }

  async ping(call: DriverCall): Promise<void> {
    const ping = (client: Redis): Promise<unknown> => client.ping();
    await Promise.all(this.#nodes.all.map(({ pool }) => sendOver(() => pool.take(), call, ping, asItIs)));
  }

  /** Of a node that answers, since any node hears what is published on any other. */
  #hearingPlace(): SlotSettings {
    const { all } = this.#nodes;
    return (all.find(({ pool }) => pool.state === 'up') ?? all[0])?.settings ?? this.#settings;
  }

  /** Sends in the same turn of the event loop, so that calls take effect in their order. */
  async #send<A, T>(slot: number, task: Task<A, T>): Promise<T> {
    let node = this.#nodeOf(slot);
    let command = task.command;
    for (let left = MAX_REDIRECTIONS; ; left--) {
      const { host } = node;
      try {
        return await sendOver(() => task.take(node), task.call, command, task.read);
      } catch (error) {
        const redirection = redirectionOf(error, host);
        if (replyWord(error) === 'CLUSTERDOWN' || redirection?.kind === 'MOVED') this.#view.refresh();
        if (redirection === undefined || left === 0) throw error;
        task.call.signal.throwIfAborted();
        if (redirection.kind === 'MOVED') this.#view.slots.give(redirection.slot, redirection.to);
        node = this.#nodes.at(redirection.to);
        command = redirection.kind === 'ASK' ? asking(task.command) : task.command;
      }
    }
  }

  /** One that nobody is known to serve goes to any node, which knows better. */
  #nodeOf(slot: number): ClusterNode {
    const owner = this.#view.slots.owner(slot);
    if (owner !== undefined) return this.#nodes.at(owner);
    this.#view.refresh();
    const { all } = this.#nodes;
    const node = all[this.#turn++ % all.length];
    if (node === undefined) throw new RedisAwayError(`no node of ${this.#settings.address} is known`);
    return node;
  }

  #look(reason: unknown): void {
    const { state } = this.#nodes;
    if (state !== 'up') this.#view.refresh();
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state, reason);
  }
}

interface Task<A, T> {
  readonly call: DriverCall;
  readonly command: (client: Redis) => Promise<A>;
  readonly read: (answer: A) => T;
  readonly take: (node: ClusterNode) => ReturnType<ClusterNode['pool']['take']>;
}

/** The slot is on its way to this node: it takes the very next command of this connection, and no other. */
function asking<A>(command: (client: Redis) => Promise<A>): (client: Redis) => Promise<A> {
  return (client) => {
    client.asking().catch(() => undefined); // the command itself fails then
    return command(client);
  };
}
