import type { DynamicModule } from '@nestjs/common';
import { getCoordToken } from '@infra-kit/coord';
import { getDbToken, type DbProvider } from '@infra-kit/db';
import { ConfigError, DEFAULT_INSTANCE } from '@infra-kit/kernel';
import { getMqToken, type MqProvider } from '@infra-kit/mq';
import { OutboxModule, parseOutboxConfig, type OutboxOptions } from '@infra-kit/outbox';
import { OptionsSource, type CheckPlace, type Instance } from './component-configs.js';

const nameIn = (given: unknown): string | undefined => (typeof given === 'string' ? given : undefined);

export function checkOutbox(options: OutboxOptions, { name = DEFAULT_INSTANCE, provides }: CheckPlace): void {
  const [db, mq] = [nameIn(options.db), nameIn(options.mq)];
  const missing = [
    ...(db === undefined || provides(getDbToken(db)) ? [] : [['db', db] as const]),
    ...(mq === undefined || provides(getMqToken(mq)) ? [] : [['mq', mq] as const]),
  ].map(([kind, wanted]) => `${kind}: it is not loaded; add it: ${kind}: [{ name: '${wanted}' }]`);
  if (missing.length > 0) throw new ConfigError('outbox', missing, name);
  parseOutboxConfig(options, {
    instance: name,
    hasDb: provides(getDbToken(db)),
    hasMq: provides(getMqToken(mq)),
    hasCoord: provides(getCoordToken()),
  });
}

/** Works between the database and the mq it names out of those that are loaded, else those without a name. */
export function outboxModule(name: string | undefined, loads: readonly Instance[]): DynamicModule {
  const used = loads.filter(({ component }) => component === 'db' || component === 'mq');
  const tokens = used.map(
    (one) => (one.component === 'db' ? getDbToken(one.name) : getMqToken(one.name)) as symbol,
  );
  return OutboxModule.forRootAsync({
    name,
    inject: [OptionsSource, ...tokens],
    useFactory: (source, ...ready) => {
      const options = source.of('outbox', name);
      const found = (component: 'db' | 'mq', wanted: unknown): unknown =>
        ready[used.findIndex((one) => one.component === component && one.name === nameIn(wanted))];
      return {
        ...options,
        db: (found('db', options.db) as DbProvider | undefined) ?? options.db,
        mq: (found('mq', options.mq) as MqProvider | undefined) ?? options.mq,
      };
    },
  });
}
