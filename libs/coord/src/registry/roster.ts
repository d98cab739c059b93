import type { Member, ServiceInstance } from './service-instance.js';

/** Beyond the largest ttl: the time an instance needs to notice that its lease is gone and to register again. */
const REJOIN_MS = 1000;

interface Seat extends Member {
  /** Not in the store any more, but not yet believed gone. */
  readonly missing: boolean;
}

type Trust =
  | { readonly state: 'steady' }
  /** The store cannot be asked. */
  | { readonly state: 'away' }
  /** It answers again; who is missing may be about to register again. */
  | { readonly state: 'settling'; readonly until: number };

/**
 * Who is believed to run: the store's word, except after trouble with it. While the store is away nobody leaves, and who
 * is missing when it is back leaves only when still missing one largest ttl + 1 s later. Who says goodbye leaves at once.
 * Pure: `now` is monotonic, in milliseconds.
 */
export class Roster {
  readonly #seats = new Map<string, Seat>();
  #trust: Trust = { state: 'steady' };

  /** The store's complete list. */
  listed(members: readonly Member[], now: number): void {
    const present = new Set(members.map(({ instance }) => instance.id));
    for (const member of members) this.joined(member);
    for (const id of this.#seats.keys()) if (!present.has(id)) this.vanished(id, now);
  }

  joined(member: Member): void {
    this.#seats.set(member.instance.id, { ...member, missing: false });
  }

  /** Its record is gone: deregistered by its lease's end, or by hand. */
  vanished(id: string, now: number): void {
    this.settle(now);
    const seat = this.#seats.get(id);
    if (seat === undefined) return;
    if (this.#trust.state === 'steady') this.#seats.delete(id);
    else this.#seats.set(id, { ...seat, missing: true });
  }

  /** It said so itself. */
  left(id: string): void {
    this.#seats.delete(id);
  }

  disconnected(): void {
    this.#trust = { state: 'away' };
  }

  connected(now: number): void {
    if (this.#trust.state !== 'away') return;
    const largestTtlMs = Math.max(0, ...[...this.#seats.values()].map(({ ttlMs }) => ttlMs));
    this.#trust = { state: 'settling', until: now + largestTtlMs + REJOIN_MS };
  }

  /** Ends the wait when it is over. */
  settle(now: number): void {
    if (this.#trust.state !== 'settling' || now < this.#trust.until) return;
    this.#trust = { state: 'steady' };
    for (const [id, { missing }] of this.#seats) if (missing) this.#seats.delete(id);
  }

  /** When `settle` will change something by itself; undefined: never. */
  get settlesAt(): number | undefined {
    return this.#trust.state === 'settling' ? this.#trust.until : undefined;
  }

  /** In the order of their ids. */
  get instances(): ServiceInstance[] {
    return [...this.#seats.values()]
      .map(({ instance }) => instance)
      .toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  }
}
