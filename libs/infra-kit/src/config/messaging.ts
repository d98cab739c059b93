import type { FactoryProvider, ValueProvider } from '@nestjs/common';
import { getDbToken, type DbProvider } from '@infra-kit/db';
import { MQ_AROUND_HANDLER, MQ_IN_TRANSACTION, type AroundHandler } from '@infra-kit/mq';
import { withMessageIntake } from '@infra-kit/ratelimit';
import type { Instance } from './components.js';

const around: AroundHandler = (intake, handler) => withMessageIntake(intake, handler);

function isInTransaction(db: DbProvider): boolean {
  try {
    return db.em().isInTransaction();
  } catch {
    return false; // there is no entity manager here
  }
}

/** What mq is told of its neighbours: handlers wait where a rate limit refuses them, and a dual write is warned of. */
export function messagingFrom(loads: readonly Instance[]): (FactoryProvider | ValueProvider)[] {
  const loaded = (component: Instance['component']): readonly Instance[] =>
    loads.filter((each) => each.component === component);
  if (loaded('mq').length === 0) return [];
  const providers: (FactoryProvider | ValueProvider)[] = [];
  if (loaded('ratelimit').length > 0) providers.push({ provide: MQ_AROUND_HANDLER, useValue: around });
  const databases = loaded('db').map(({ name }) => getDbToken(name));
  if (databases.length > 0)
    providers.push({
      provide: MQ_IN_TRANSACTION,
      inject: databases,
      useFactory:
        (...ready: DbProvider[]) =>
        () =>
          ready.some((db) => isInTransaction(db)),
    });
  return providers;
}
