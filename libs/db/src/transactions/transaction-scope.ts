import { AsyncLocalStorage } from 'node:async_hooks';
import type { EntityManager } from '@mikro-orm/sql';

export type Effect = () => void | Promise<void>;
/** Writes at once what was gathered for it in a transaction. */
export type LastWrite<T> = (items: readonly T[]) => Promise<void>;

/** A running transaction, or a savepoint inside one, as the calls made in it see it. */
export class TransactionScope {
  readonly em: EntityManager;
  /** The server or shard. */
  readonly home: string;
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number;
  readonly isolation: string | undefined;
  readonly readOnly: boolean;
  readonly effects: Effect[] = [];
  readonly #lastWrites = new Map<LastWrite<never>, unknown[]>();
  /** The error of an inner call that joined and failed. */
  doom: { readonly error: unknown } | undefined;
  ended = false;
  #savepoints: Promise<unknown> = Promise.resolve();

  constructor(init: {
    readonly em: EntityManager;
    readonly home: string;
    readonly startedAt: number;
    readonly isolation?: string | undefined;
    readonly readOnly?: boolean | undefined;
  }) {
    this.em = init.em;
    this.home = init.home;
    this.startedAt = init.startedAt;
    this.isolation = init.isolation;
    this.readOnly = init.readOnly ?? false;
  }

  /** A savepoint inside of this. */
  inner(em: EntityManager): TransactionScope {
    const { home, startedAt, isolation, readOnly } = this;
    return new TransactionScope({ em, home, startedAt, isolation, readOnly });
  }

  gather<T>(write: LastWrite<T>, items: readonly T[]): void {
    const gathered = this.#lastWrites.get(write);
    if (gathered === undefined) this.#lastWrites.set(write, [...items]);
    else gathered.push(...items);
  }

  /** Takes over what a savepoint leaves behind that was not rolled back. */
  adopt(inner: TransactionScope): void {
    this.effects.push(...inner.effects);
    for (const [write, items] of inner.#lastWrites) this.gather(write, items as never[]);
  }

  /** Those that came up meanwhile too. */
  async writeLast(): Promise<void> {
    for (const [write, items] of this.#lastWrites) {
      this.#lastWrites.delete(write);
      await write(items as never[]);
    }
  }

  /** Savepoints share the connection: two at once would end each other, so they take turns. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#savepoints.then(work, work);
    this.#savepoints = turn.catch(() => undefined);
    return turn;
  }
}

/** The running transactions of a database, and for the code that asks the innermost it is in. */
export class ScopeStore extends AsyncLocalStorage<TransactionScope> {
  readonly running = new Set<TransactionScope>();

  current(): TransactionScope | undefined {
    const scope = this.getStore();
    return scope === undefined || scope.ended ? undefined : scope;
  }
}
