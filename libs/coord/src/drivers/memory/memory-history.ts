import type { KeyRange, WatchEvent, WatchListener } from '../coord-driver.js';
import { tell } from '../watch-listener.js';
import { inRange } from './memory-query.js';

export interface Change {
  readonly revision: bigint;
  readonly events: readonly WatchEvent[];
}

interface MemoryWatch {
  readonly range: KeyRange;
  readonly listener: WatchListener;
  /** The first revision it has not been told. */
  next: bigint;
  scheduled: boolean;
}

const eventKey = (event: WatchEvent): string => (event.type === 'put' ? event.kv.key : event.key);

/** The last revisions of a memory store, and those who watch them. */
export class MemoryHistory {
  readonly #limit: number;
  /** Without gaps, oldest first. */
  readonly #changes: Change[] = [];
  readonly #watches = new Set<MemoryWatch>();
  #compactRevision = 0n;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get watches(): number {
    return this.#watches.size;
  }

  get compactRevision(): bigint {
    return this.#compactRevision;
  }

  add(change: Change): void {
    this.#changes.push(change);
    // in steps, so that it costs little
    const excess = this.#changes.length - this.#limit;
    const oldestKept = this.#changes[excess];
    if (excess > this.#limit / 10 && oldestKept) this.compact(oldestKept.revision);
    for (const watch of this.#watches) this.#schedule(watch);
  }

  compact(revision: bigint): void {
    this.#compactRevision = revision;
    const kept = this.#changes.findIndex((change) => change.revision >= revision);
    this.#changes.splice(0, kept < 0 ? this.#changes.length : kept);
  }

  watch(range: KeyRange, fromRevision: bigint, listener: WatchListener): Disposable {
    const watch: MemoryWatch = { range, listener, next: fromRevision, scheduled: false };
    this.#watches.add(watch);
    queueMicrotask(() => {
      if (this.#watches.has(watch)) tell(listener, { type: 'attached' });
    });
    this.#schedule(watch);
    return { [Symbol.dispose]: () => void this.#watches.delete(watch) };
  }

  /** Never within the call that wrote: a listener may write itself. */
  #schedule(watch: MemoryWatch): void {
    if (watch.scheduled) return;
    watch.scheduled = true;
    queueMicrotask(() => {
      watch.scheduled = false;
      this.#pump(watch);
    });
  }

  #pump(watch: MemoryWatch): void {
    if (!this.#watches.has(watch)) return;
    if (watch.next < this.#compactRevision) {
      this.#watches.delete(watch);
      tell(watch.listener, { type: 'compacted', compactRevision: this.#compactRevision });
      return;
    }
    for (const { revision, events } of this.#from(watch.next)) {
      watch.next = revision + 1n;
      const seen = events.filter((event) => inRange(eventKey(event), watch.range));
      if (seen.length > 0) tell(watch.listener, { type: 'changes', revision, events: seen });
      if (!this.#watches.has(watch)) return;
    }
  }

  #from(revision: bigint): Change[] {
    const first = this.#changes[0];
    if (first === undefined) return [];
    return this.#changes.slice(Math.max(0, Number(revision - first.revision)));
  }
}
