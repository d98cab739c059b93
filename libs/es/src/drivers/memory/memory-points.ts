import { newId } from '../../operations/new-id.js';
import { EsRefusal } from '../es-refusal.js';

/** Points that nobody closed are let go, the oldest first. */
const MOST_OPEN = 500;

/** What points in time hold: the matches of the first search in each; documents are never changed in place. */
export class MemoryPoints<F> {
  readonly #points = new Map<string, { found: F | undefined }>();

  open(): string {
    const id = newId();
    this.#points.set(id, { found: undefined });
    const [oldest] = this.#points.size > MOST_OPEN ? this.#points.keys() : [];
    if (oldest !== undefined) this.close(oldest);
    return id;
  }

  found(point: string, find: () => F): F {
    const held = this.#points.get(point);
    if (held === undefined)
      throw new EsRefusal('NOT_FOUND', 'search_context_missing_exception: the point in time is gone');
    held.found ??= find();
    return held.found;
  }

  close(point: string): void {
    this.#points.delete(point);
  }

  clear(): void {
    this.#points.clear();
  }
}
