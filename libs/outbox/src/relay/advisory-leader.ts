import type { Leader, Turn } from './leader.js';
import type { RelaySession } from './relay-session.js';

const asks = (row: unknown): boolean => Reflect.get(Object(row), 'taken') === true;

/** The holder of a session's advisory lock sends everything. Who dies loses it with the connection. */
export class AdvisoryLeader implements Leader {
  readonly #session: RelaySession;
  /** Of the table; pairs of numbers are apart from the single ones of publishers. */
  readonly #family: number;
  #heldIn: number | undefined;

  constructor(session: RelaySession, family: number) {
    this.#session = session;
    this.#family = family;
  }

  get leading(): boolean {
    return this.#heldIn !== undefined && this.#heldIn === this.#session.generation;
  }

  async turn<T>(work: (turn: Turn) => Promise<T>): Promise<T | undefined> {
    if (!(await this.#take())) return undefined;
    return work({ lanes: undefined });
  }

  async release(): Promise<void> {
    if (!this.leading) return;
    this.#heldIn = undefined;
    await this.#session.query('select pg_advisory_unlock($1, -1)', [this.#family]);
  }

  /** A session that has silently died must not be believed in: it is asked each time. */
  async #take(): Promise<boolean> {
    if (this.leading) {
      await this.#session.query('select 1');
      return this.leading;
    }
    const [row] = await this.#session.query('select pg_try_advisory_lock($1, -1) as taken', [this.#family]);
    this.#heldIn = asks(row) ? this.#session.generation : undefined;
    return this.leading;
  }
}
