import type { OutboxStore } from '../store/outbox-store.js';
import type { Leader, Turn } from './leader.js';
import type { RelaySession } from './relay-session.js';

interface Parts {
  readonly session: RelaySession;
  readonly store: OutboxStore;
  readonly family: number;
  readonly lanes: number;
  /** How many of the oldest messages to look at for lanes that have any. */
  readonly look: () => number;
}

/** Everybody sends: keys hash to lanes, and who drains a lane holds its lock meanwhile. */
export class LaneLeader implements Leader {
  readonly #parts: Parts;
  readonly leading = true;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async turn<T>(work: (turn: Turn) => Promise<T>): Promise<T | undefined> {
    const { session, store, family, lanes, look } = this.#parts;
    const due = await store.dueLanes(lanes, look());
    if (due.length === 0) return undefined;
    const rows = await session.query(
      `select lane from unnest($2::integer[]) as lane where pg_try_advisory_lock($1, lane)`,
      [family, due],
    );
    const mine = rows.map((row) => Number(Reflect.get(Object(row), 'lane')));
    if (mine.length === 0) return undefined;
    const heldIn = session.generation;
    try {
      return await work({ lanes: { mine, of: lanes } });
    } finally {
      // a session that was lost holds nothing
      if (session.generation === heldIn)
        await session
          .query('select pg_advisory_unlock($1, lane) from unnest($2::integer[]) as lane', [family, mine])
          .catch(() => undefined); // the session is dropped then
    }
  }

  async release(): Promise<void> {}
}
