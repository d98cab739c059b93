import type { Connection, ConnectionPool } from '@platformatic/kafka';

/** Whether the last attempt to reach a broker failed, over all connections of a driver, and why. */
export class Reachability {
  readonly #errors = new WeakMap<Connection, unknown>();
  #trouble: unknown;

  get trouble(): unknown {
    return this.#trouble;
  }

  watch(pool: ConnectionPool): void {
    pool.on('connecting', ({ connection }) => {
      connection.once('error', (error) => this.#errors.set(connection, error));
    });
    pool.on('failed', ({ connection, broker }) => {
      this.#trouble =
        this.#errors.get(connection) ?? new Error(`no connection to ${broker.host}:${broker.port}`);
    });
    pool.on('connect', () => {
      this.#trouble = undefined;
    });
  }
}
