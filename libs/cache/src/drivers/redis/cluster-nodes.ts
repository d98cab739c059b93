import type { DriverState } from '../cache-driver.js';
import { RedisPool } from './redis-pool.js';
import type { SlotSettings } from './redis-slot.js';
import type { NodeAddress } from './slot-map.js';

/** One master, and the connections to it. */
export interface ClusterNode {
  readonly address: NodeAddress;
  readonly host: string;
  readonly pool: RedisPool;
  readonly settings: SlotSettings;
}

/** IPv6 hosts stand in brackets where people write them, and without where Redis does. */
export function splitAddress(address: NodeAddress): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(at + 1)) };
}

/** The masters we are connected to, by address. */
export class ClusterNodes {
  readonly #base: SlotSettings;
  readonly #poolSize: number;
  readonly #changed: (reason: unknown) => void;
  readonly #nodes = new Map<NodeAddress, ClusterNode>();

  /** `changed` is told of every node that comes or goes. */
  constructor(base: SlotSettings, poolSize: number, changed: (reason: unknown) => void) {
    this.#base = base;
    this.#poolSize = poolSize;
    this.#changed = changed;
  }

  get all(): readonly ClusterNode[] {
    return [...this.#nodes.values()];
  }

  get state(): DriverState {
    const up = this.all.filter(({ pool }) => pool.state === 'up').length;
    if (up === 0) return 'down';
    return up === this.#nodes.size ? 'up' : 'degraded';
  }

  find(address: NodeAddress): ClusterNode | undefined {
    return this.#nodes.get(address);
  }

  /** The node of that address; a new one connects by itself. */
  at(address: NodeAddress): ClusterNode {
    const present = this.#nodes.get(address);
    if (present !== undefined) return present;
    const node = this.#make(address);
    node.pool.start();
    return node;
  }

  /** Connects to all of them; rejects when one cannot be reached, and leaves none open. */
  async open(masters: readonly NodeAddress[]): Promise<void> {
    try {
      await Promise.all(masters.map((address) => this.#make(address).pool.open()));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Lets go of nodes that are no masters any more, and connects to the new ones. */
  keep(masters: readonly NodeAddress[]): void {
    for (const [address, { pool }] of this.#nodes) {
      if (masters.includes(address)) continue;
      this.#nodes.delete(address);
      void pool.close();
    }
    for (const address of masters) this.at(address);
    this.#changed(undefined);
  }

  async close(): Promise<void> {
    const nodes = this.all;
    this.#nodes.clear();
    await Promise.all(nodes.map(({ pool }) => pool.close()));
  }

  #make(address: NodeAddress): ClusterNode {
    const { host, port } = splitAddress(address);
    const settings: SlotSettings = {
      ...this.#base,
      options: { ...this.#base.options, host, port },
      address: `redis://${address}`,
    };
    const pool = new RedisPool(settings, this.#poolSize);
    pool.watch((_state, reason) => this.#changed(reason));
    const node = { address, host, pool, settings };
    this.#nodes.set(address, node);
    return node;
  }
}
