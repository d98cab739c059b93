import { splitAddress, type ClusterNodes } from './cluster-nodes.js';
import { RedisConnection } from './redis-connection.js';
import { RedisAwayError } from './redis-errors.js';
import { asItIs } from './redis-replies.js';
import type { SlotSettings } from './redis-slot.js';
import { SlotMap, type NodeAddress } from './slot-map.js';

/** The time from one question to the next: while a node is away it is asked again and again who serves what. */
const PAUSE_MS = 300;
const SILENT = { lost: () => undefined, overdue: () => undefined, demoted: () => undefined };

/** What is known of a cluster: who serves which slot. Asks anew when something was wrong, one question at a time. */
export class ClusterView {
  readonly slots = new SlotMap();
  readonly #settings: SlotSettings;
  readonly #seeds: readonly NodeAddress[];
  readonly #nodes: ClusterNodes;
  #busy = false;
  #wanted = false;
  #pause: NodeJS.Timeout | undefined;
  #connection: RedisConnection | undefined;
  #closed = false;

  constructor(settings: SlotSettings, seeds: readonly NodeAddress[], nodes: ClusterNodes) {
    this.#settings = settings;
    this.#seeds = seeds;
    this.#nodes = nodes;
  }

  /** Asks the seeds, each for its share of `connectTimeoutMs`, until one knows masters. */
  async learn(): Promise<readonly NodeAddress[]> {
    const { connectTimeoutMs, address } = this.#settings;
    const share = Math.max(1, Math.floor(connectTimeoutMs / (this.#seeds.length + 1)));
    let reason: unknown = new RedisAwayError('no node is named');
    for (const seed of this.#seeds) {
      try {
        await this.#ask(seed, share);
        if (this.slots.masters.length > 0) return this.slots.masters;
        reason = new RedisAwayError(`${seed} knows no node that serves slots`);
      } catch (error) {
        reason = error;
      }
    }
    const why = reason instanceof Error ? reason.message : String(reason);
    throw new RedisAwayError(`no connection to ${address}: ${why}`, { cause: reason });
  }

  /** Asks in the background, soon, and goes on while a node is away. */
  refresh(): void {
    this.#wanted = true;
    if (this.#busy || this.#closed) return;
    this.#busy = true;
    this.#wanted = false;
    void this.#update().finally(() => {
      if (this.#closed) return;
      this.#pause = setTimeout(() => {
        this.#busy = false;
        if (this.#wanted || this.#nodes.state !== 'up') this.refresh();
      }, PAUSE_MS).unref();
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#pause);
    this.#connection?.destroy();
  }

  /** Never rejects: what is known stays when nobody answers. */
  async #update(): Promise<void> {
    const known = this.#nodes.all.filter(({ pool }) => pool.state === 'up').map(({ address }) => address);
    for (const address of new Set([...known, ...this.#seeds])) {
      try {
        await this.#ask(address, Math.min(this.#settings.commandTimeoutMs, this.#settings.connectTimeoutMs));
        if (!this.#closed && this.slots.masters.length > 0) this.#nodes.keep(this.slots.masters);
        return;
      } catch {
        // the next one may know
      }
    }
  }

  /** On a connection of its own, for this one question: no call waits behind it, nor it behind calls. */
  async #ask(address: NodeAddress, withinMs: number): Promise<void> {
    const { host, port } = splitAddress(address);
    const options = { ...this.#settings.options, host, port, connectTimeout: withinMs };
    const connection = new RedisConnection(options, () => withinMs, SILENT);
    this.#connection = connection;
    let reply: unknown;
    try {
      await connection.open(withinMs, async (fresh) => {
        reply = await fresh.send((client) => client.call('CLUSTER', 'SLOTS'), asItIs);
      });
    } finally {
      connection.destroy();
    }
    this.slots.read(reply, host);
  }
}
