import type { Clock } from '@infra-kit/kernel';
import type { Encoded } from '../drivers/cache-driver.js';

export type NearNeeds = readonly (readonly [key: string, data: string])[];

/** What a fetch brought. */
export interface NearFound {
  readonly data: Encoded;
  /** Counts from `sentAt`. */
  readonly leftMs: number;
  readonly sentAt: number;
  readonly needs?: NearNeeds | undefined;
}

/** One value, as it was read and as it was decoded; a link of the ring from the most to the least recently used. */
export class NearEntry {
  readonly key: string;
  /** Gone once it was decoded, where all readers share what came out. */
  data: Encoded | undefined;
  /** By the monotonic clock. */
  readonly expiresAt: number;
  /** Keys whose kept data must be what is said here, else the entry is void: its tags and their versions. */
  readonly needs: NearNeeds | undefined;
  /** `undefined`: not decoded yet. */
  value: unknown;
  newer: NearEntry = this;
  older: NearEntry = this;
  /** The count of links when it was linked last. */
  linkedAt = 0;
  /** Where it stands by the key that a reader knows, which is shorter than the full one by the reader's prefix. */
  alias: { readonly key: string; readonly in: Map<string, NearEntry> } | undefined;

  constructor(key: string, data: Encoded | undefined, expiresAt: number, needs?: NearNeeds) {
    this.key = key;
    this.data = data;
    this.needs = needs;
    this.expiresAt = expiresAt;
  }
}

/** What a fetch remembers of the moment before it was sent. */
export type NearTicket = number;

/** Changes kept for the fetches under way; beyond that all of those are void. */
const MAX_CHANGES = 10_000;

/**
 * The values of a near cache and what keeps them right; no I/O. Every change that is told has a number, and so has the
 * moment before a fetch was sent: a value whose key has changed since then is not kept, whichever of the two arrived
 * first. Nothing is kept or given while `down`, nor after `provenAt + trustMs`: a process that was stopped knows at its
 * first look, without a timer.
 */
export class NearCache {
  readonly #entries = new Map<string, NearEntry>();
  /** Between the most recently used entry, its older one, and the least recently used one, its newer one. */
  readonly #ring = new NearEntry('', undefined, 0);
  readonly #changes = new Map<string, number>();
  readonly #limits: { readonly maxEntries: number; readonly ttlMs: number; readonly trustMs: number };
  readonly #clock: Pick<Clock, 'monotonic'>;
  #count = 0;
  #links = 0;
  /** Fetches begun before this number are void. */
  #floor = 0;
  #up = false;
  #trustedUntil = -Infinity;

  constructor(
    limits: { readonly maxEntries: number; readonly ttlMs: number; readonly trustMs: number },
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** True while changes are heard of. */
  get up(): boolean {
    return this.#up;
  }

  get now(): number {
    return this.#clock.monotonic();
  }

  /** The living entry, which becomes the most recently used one. */
  find(key: string): NearEntry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#isWhole(entry) && this.use(entry) ? entry : undefined;
  }

  /** Whether all it needs is kept: what is kept is true, so nothing else need be asked. */
  #isWhole({ needs }: NearEntry): boolean {
    return needs === undefined || needs.every(([key, data]) => this.find(key)?.data?.toString() === data);
  }

  /** Whether an entry that was not removed, and needs no other, may be given; it becomes the most recently used one. */
  use(entry: NearEntry): boolean {
    const now = this.#clock.monotonic();
    if (now >= entry.expiresAt) {
      this.#remove(entry);
      return false;
    }
    if (now >= this.#trustedUntil) return false;
    // among the latest quarter it may stay where it is: moving a link costs as much as all the rest of a hit
    if ((this.#links - entry.linkedAt) * 4 >= this.#entries.size) {
      unlink(entry);
      this.#link(entry);
    }
    return true;
  }

  /** To be taken before a fetch is sent. */
  ticket(): NearTicket {
    return this.#count;
  }

  /** Keeps what a fetch brought, unless the key has changed since its ticket. */
  put(ticket: NearTicket, key: string, found: NearFound): void {
    if (!this.#up || ticket < this.#floor || (this.#changes.get(key) ?? -1) > ticket) return;
    this.forget(key);
    const expiresAt = found.sentAt + Math.min(found.leftMs, this.#limits.ttlMs);
    const entry = new NearEntry(key, found.data, expiresAt, found.needs);
    this.#entries.set(key, entry);
    this.#link(entry);
    if (this.#entries.size > this.#limits.maxEntries) this.#remove(this.#ring.newer);
  }

  /** The key has changed, or may have: its value goes, and a fetch of it that is under way is void. */
  changed(key: string): void {
    if (this.#changes.size >= MAX_CHANGES) this.#voidFetches();
    this.#changes.set(key, ++this.#count);
    this.forget(key);
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
  }

  /** All that is kept and all that is being fetched goes. */
  empty(): void {
    for (const { alias } of this.#entries.values()) alias?.in.clear();
    this.#entries.clear();
    this.#ring.newer = this.#ring;
    this.#ring.older = this.#ring;
    this.#voidFetches();
  }

  /** From now on changes are heard of; they were at `provenAt`. */
  open(provenAt: number): void {
    this.empty();
    this.#up = true;
    this.prove(provenAt);
  }

  /** Changes made before `provenAt` have all been heard of. */
  prove(provenAt: number): void {
    this.#trustedUntil = provenAt + this.#limits.trustMs;
  }

  close(): void {
    this.#up = false;
    this.empty();
  }

  #voidFetches(): void {
    this.#floor = ++this.#count;
    this.#changes.clear();
  }

  #link(entry: NearEntry): void {
    entry.linkedAt = ++this.#links;
    const { older } = this.#ring;
    entry.newer = this.#ring;
    entry.older = older;
    older.newer = entry;
    this.#ring.older = entry;
  }

  #remove(entry: NearEntry): void {
    this.#entries.delete(entry.key);
    entry.alias?.in.delete(entry.alias.key);
    unlink(entry);
  }
}

function unlink({ newer, older }: NearEntry): void {
  newer.older = older;
  older.newer = newer;
}
