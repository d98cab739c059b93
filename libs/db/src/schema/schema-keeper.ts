import type { MikroORM } from '@mikro-orm/sql';
import { SystemClock, type Logger } from '@infra-kit/kernel';
import { invalidArgument, precondition, type DbPlace } from '../db.errors.js';
import type { DbCapabilities } from '../drivers/db-driver.js';
import { planSchema, runAdditions, SCHEMA_LOCK } from './auto-migrate.js';

/** How often an instance that waits for another looks whether it is its turn. */
const TURN_MS = 50;

interface Parts {
  readonly place: DbPlace;
  readonly orm: MikroORM;
  readonly logger: Logger;
  readonly capabilities: DbCapabilities;
  readonly poolMax: number;
  readonly migrationsPath: string | undefined;
}

/** Changes of the schema, one instance at a time: an advisory lock of the database keeps the others waiting. */
export class SchemaKeeper {
  readonly #parts: Parts;
  /** Another process is waited for: no test's clock moves it. */
  readonly #clock = new SystemClock();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async autoMigrate(dryRun = false, signal?: AbortSignal): Promise<string[]> {
    const { orm, logger } = this.#parts;
    if (dryRun) return [...(await planSchema(orm)).additions];
    return this.#alone(async () => {
      const { additions, leftAlone } = await planSchema(orm);
      if (leftAlone.length > 0)
        logger.warn('the schema differs in what autoMigrate leaves alone; write a migration', {
          statements: leftAlone,
        });
      await orm.em
        .fork({ disableContextResolution: true })
        .transactional((em) => runAdditions(em as never, additions));
      return [...additions];
    }, signal);
  }

  async migrate(direction: 'up' | 'down', to: string | undefined, signal?: AbortSignal): Promise<string[]> {
    const { orm, place, migrationsPath } = this.#parts;
    if (migrationsPath === undefined)
      throw precondition(place, 'there are no migrations; set migrations.path');
    const target = to === undefined ? undefined : { to };
    return this.#alone(async () => {
      if (to !== undefined) {
        // MikroORM would take an unknown name for no name, and run them all
        const known = [...(await orm.migrator.getPending()), ...(await orm.migrator.getExecuted())];
        if (!known.some(({ name }) => name === to))
          throw invalidArgument(place, `there is no migration ${JSON.stringify(to)}`);
      }
      const done = direction === 'up' ? await orm.migrator.up(target) : await orm.migrator.down(target);
      return done.map(({ name }) => name);
    }, signal);
  }

  /**
   * The lock belongs to a session, so a connection is kept for it while the work uses others. It is asked for again and
   * again: a statement that waits for it would meet the statement timeout when another instance migrates for long.
   */
  async #alone<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const { orm, place, capabilities, poolMax } = this.#parts;
    if (!capabilities.sessions) return work(); // one process, one session
    if (poolMax < 2)
      throw precondition(place, 'changes of the schema need pool.max ≥ 2: one connection holds the lock');
    const { CompiledQuery } = await import('kysely');
    return orm.em
      .fork({ disableContextResolution: true })
      .getKysely()
      .connection()
      .execute(async (connection) => {
        const call = async (name: string): Promise<boolean> => {
          const { rows } = await connection.executeQuery(
            CompiledQuery.raw(`select ${name}($1) as done`, [SCHEMA_LOCK]),
          );
          return Reflect.get(Object(rows[0]), 'done') === true;
        };
        while (!(await call('pg_try_advisory_lock'))) await this.#clock.sleep(TURN_MS, signal);
        try {
          signal?.throwIfAborted();
          return await work();
        } finally {
          await call('pg_advisory_unlock').catch(() => false); // a session that has died has given it up
        }
      });
  }
}
