import type { CallOptions } from '@infra-kit/kernel';

export type IsolationLevel = 'read-committed' | 'repeatable-read' | 'serializable';

/** `required`: joins the running transaction. `requires-new`: one of its own, on a second connection. `nested`: a savepoint. */
export type Propagation = 'required' | 'requires-new' | 'nested';

export interface TransactionOptions extends CallOptions {
  /** Default: the server's, READ COMMITTED. */
  readonly isolation?: IsolationLevel | undefined;
  /** Writes are refused by the server; it may run on a replica. */
  readonly readOnly?: boolean | undefined;
  /** Default `required`. */
  readonly propagation?: Propagation | undefined;
  /** How often the whole is run again after a serialization failure or deadlock. Default 3. A transaction that joins or nests is not retried by itself. */
  readonly retries?: number | undefined;
}

export interface MigrateOptions extends CallOptions {
  /** Up: this is the last one run. Down: this is the last one that stays. Default: up, all that are pending; down, one. */
  readonly to?: string | undefined;
}

/** A tagged template: values are bound as parameters, rows come back as the server writes them. */
type SqlQuery = <T extends object>(
  strings: TemplateStringsArray,
  ...values: readonly unknown[]
) => Promise<T[]>;

export interface SqlTag extends SqlQuery {
  /** The same under limits of its own: db.sql.with({ timeoutMs: 100 })`select …`. */
  with(options: CallOptions): SqlQuery;
}
