import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { getDbToken } from '@infra-kit/db';
import {
  componentModule,
  componentModuleAsync,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import { getMqToken } from '@infra-kit/mq';
import { createOutbox, type OutboxDependencies } from './create-outbox.js';
import { RelayStarter } from './nest/relay-starter.js';
import type { OutboxOptions } from './outbox.config.js';
import { OutboxProvider } from './outbox.provider.js';
import { getOutboxToken } from './outbox.tokens.js';

/** Provided by the umbrella: coord, whose locks `leader: 'coord'` uses. */
export const OUTBOX_LOCKS = Symbol.for('infra-kit:outbox:locks');

/** Names of other instances stand beside a factory, never in its result. */
interface Used {
  readonly db?: string | undefined;
  readonly mq?: string | undefined;
}
type AsyncOutboxOptions<I extends readonly InjectionEntry[]> = AsyncOptions<OutboxOptions, I> & Used;

const nameIn = (given: unknown): string | undefined => (typeof given === 'string' ? given : undefined);

/** Taken where they are there; one that is named must be. */
function definitionFor({
  db,
  mq,
}: Used): ComponentDefinition<OutboxOptions, OutboxProvider, OutboxDependencies> {
  return {
    component: 'outbox',
    token: OutboxProvider,
    create: createOutbox,
    dependencies: {
      db: { token: getDbToken(db) as symbol, optional: db === undefined },
      mq: { token: getMqToken(mq) as symbol, optional: mq === undefined },
      coord: { token: OUTBOX_LOCKS, optional: true },
    },
  };
}

/** Each instance starts its relay when the application has started. */
function withStarter(module: DynamicModule, { name }: Placement): DynamicModule {
  const starter: FactoryProvider = {
    provide: Symbol(`infra-kit: relay of outbox ${name ?? ''}`),
    inject: [getOutboxToken(name), ModulesContainer],
    useFactory: (outbox: OutboxProvider, modules: ModulesContainer) => {
      // hooks run by distance from the root, the farthest first: messages are sent once all have subscribed
      for (const each of modules.values()) if (each.metatype === OutboxModule) each.distance = -1;
      return new RelayStarter(outbox);
    },
  };
  return { ...module, providers: [...(module.providers ?? []), starter] };
}

/**
 * Provides an `OutboxProvider`, and starts its relay once the application has started (`relay: false`: not). At shutdown
 * the relay works on until the last user hook has run, and sends what is due before the mq closes.
 */
@Module({})
export class OutboxModule {
  static forRoot(options: OutboxOptions & Placement = {}): DynamicModule {
    const used = { db: nameIn(options.db), mq: nameIn(options.mq) };
    return withStarter(componentModule(OutboxModule, definitionFor(used), options), options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOutboxOptions<I>,
  ): DynamicModule {
    const { db, mq, ...rest } = options;
    return withStarter(componentModuleAsync(OutboxModule, definitionFor({ db, mq }), rest), options);
  }
}
