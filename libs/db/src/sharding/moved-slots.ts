import type { Clock, Logger } from '@infra-kit/kernel';
import { SlotMovedError } from './owned-slots.js';
import type { ShardMap } from './shard-map.js';
import type { SlotMover } from './slot-move.js';

/** How long a writer waits for a move without a limit of its own. */
const WAIT_MS = 30_000;
const FIRST_PAUSE_MS = 10;
const MOST_PAUSE_MS = 200;
/** A mover that died is looked for this often. */
const LOOK_AGAIN_MS = 500;

/** What happens to those who come to a shard for a slot that is not there, or not for writers. */
export class MovedSlots {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #map: ShardMap;
  readonly #mover: SlotMover;
  readonly #looking = new Map<number, number>();
  readonly #closed = new AbortController();

  constructor(parts: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly map: ShardMap;
    readonly mover: SlotMover;
  }) {
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    this.#map = parts.map;
    this.#mover = parts.mover;
  }

  /** Runs the work again, by the new routes, while it meets slots that move. `refuse` may say that waiting is in vain. */
  async retried<T>(
    work: () => Promise<T>,
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly refuse?: (moved: SlotMovedError) => void;
    } = {},
  ): Promise<T> {
    const end = this.#clock.monotonic() + WAIT_MS;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MOST_PAUSE_MS)) {
      let moved: SlotMovedError;
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof SlotMovedError) || this.#clock.monotonic() > end) throw error;
        moved = error;
      }
      await this.#map.refresh();
      options.refuse?.(moved);
      this.noticed(moved.slots);
      await this.#clock.sleep(Math.random() * pause, options.signal);
    }
  }

  /** Clears up in the background behind a mover that died; one that lives is left alone. */
  noticed(slots: readonly number[]): void {
    const now = this.#clock.monotonic();
    for (const slot of slots) {
      if (this.#closed.signal.aborted || now < (this.#looking.get(slot) ?? 0)) continue;
      this.#looking.set(slot, Infinity);
      this.#mover
        .settle(slot, this.#closed.signal)
        .catch((error: unknown) => {
          if (!this.#closed.signal.aborted)
            this.#logger.warn('a slot could not be settled', { slot, err: error });
        })
        .finally(() => this.#looking.set(slot, this.#clock.monotonic() + LOOK_AGAIN_MS));
    }
  }

  /** What movers have left behind before this instance started. */
  async lookAround(): Promise<void> {
    this.noticed(await this.#mover.unsettled((slot) => this.#map.shardOf(slot)));
  }

  close(): void {
    this.#closed.abort();
  }
}
