import { messageOf, type ComponentSetting } from '@infra-kit/kernel';
import type { DbConfig } from '../db.config.js';
import { dbError, DbError, type DbPlace } from '../db.errors.js';
import type { OpenedOrm } from './open-orm.js';

/** MikroORM resolves without a server: the first query tells. Tried again while the server is away, as configured. */
export async function proveServer(
  { orm, address }: OpenedOrm,
  place: DbPlace,
  { connectRetry: { attempts, delayMs } }: DbConfig,
  { clock, logger }: Pick<ComponentSetting, 'clock' | 'logger'>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await orm.em.fork({ disableContextResolution: true }).execute('select 1');
      return;
    } catch (error) {
      const { code, message } = dbError(place, error);
      if (attempt >= attempts || code !== 'UNAVAILABLE')
        throw new DbError(
          code,
          `${place.label}: cannot start on ${address}: ${message}; start the server, or correct the address (url, DATABASE_URL)`,
          { component: 'db', instance: place.name, cause: error },
        );
      logger.warn('the database does not answer yet', { attempt, attempts, error: messageOf(error) });
    }
    await clock.sleep(delayMs);
  }
}
