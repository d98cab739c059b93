import { SLOTS } from './hash-slot.js';

/** host:port of a node. */
export type NodeAddress = string;

export interface Redirection {
  readonly kind: 'MOVED' | 'ASK';
  readonly slot: number;
  readonly to: NodeAddress;
}

/** What a node answers for a key that it does not hold: it has carried out nothing. */
export function redirectionOf(error: unknown, askedHost: string): Redirection | undefined {
  if (!(error instanceof Error)) return undefined;
  const found = /^(MOVED|ASK) (\d+) (.*):(\d+)$/.exec(error.message);
  const [, kind, slot, host, port] = found ?? [];
  if (kind !== 'MOVED' && kind !== 'ASK') return undefined;
  // without a host the one that was asked is meant, at another port
  return { kind, slot: Number(slot), to: `${host === '' ? askedHost : host}:${port}` };
}

/** Which master serves a slot, as a node told it. */
export class SlotMap {
  #owners: (NodeAddress | undefined)[] = [];

  owner(slot: number): NodeAddress | undefined {
    return this.#owners[slot];
  }

  /** In an order that stays as long as they do. */
  get masters(): readonly NodeAddress[] {
    return [...new Set(this.#owners)].filter((owner) => owner !== undefined).toSorted();
  }

  give(slot: number, owner: NodeAddress): void {
    this.#owners[slot] = owner;
  }

  /** Takes over the reply of CLUSTER SLOTS: [first, last, [host, port, …] of the master, replicas …]. */
  read(reply: unknown, askedHost: string): void {
    const owners = Array.from<NodeAddress | undefined>({ length: SLOTS });
    for (const range of listOf(reply)) {
      const [first, last, master] = listOf(range);
      const [host, port] = listOf(master);
      const at = typeof host === 'string' && host !== '' && host !== '?' ? host : askedHost;
      owners.fill(`${at}:${Number(port)}`, Number(first), Number(last) + 1);
    }
    this.#owners = owners;
  }
}

function listOf(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw new TypeError('CLUSTER SLOTS gave something else than lists');
}
