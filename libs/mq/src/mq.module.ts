import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import {
  APP_IDENTITY,
  componentModule,
  componentModuleAsync,
  type AppIdentity,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import { createMq, type MqDeps } from './create-mq.js';
import type { MqOptions } from './mq.config.js';
import { MqProvider } from './mq.provider.js';
import { getMqToken } from './mq.tokens.js';
import { SubscriptionExplorer } from './nest/subscription-explorer.js';

/** Provided by the umbrella: runs every handler where rate limits find the intake that they pause. */
export const MQ_AROUND_HANDLER = Symbol.for('infra-kit:mq:around-handler');
/** Provided by the umbrella: tells whether a database transaction is running. */
export const MQ_IN_TRANSACTION = Symbol.for('infra-kit:mq:in-transaction');

const definition: ComponentDefinition<MqOptions, MqProvider, Pick<MqDeps, 'around' | 'inTransaction'>> = {
  component: 'mq',
  token: MqProvider,
  create: (options, deps) => createMq(options, deps),
  dependencies: {
    around: { token: MQ_AROUND_HANDLER, optional: true },
    inTransaction: { token: MQ_IN_TRANSACTION, optional: true },
  },
  forTest: ({ brokers: _brokers, client: _client, sasl: _sasl, tls: _tls, ...options }) => ({
    ...options,
    driver: 'memory',
  }),
  // who only sends can serve without Kafka
  critical: (mq) => mq.subscribed,
};

/** Each instance finds its own `@Subscribe` methods. */
function withSubscriptions(module: DynamicModule, { name }: Placement): DynamicModule {
  const explorer: FactoryProvider = {
    provide: Symbol(`infra-kit: @Subscribe methods of mq ${name ?? ''}`),
    inject: [getMqToken(name), ModulesContainer, ModuleRef, { token: APP_IDENTITY, optional: true }],
    useFactory: (mq: MqProvider, modules: ModulesContainer, moduleRef: ModuleRef, identity?: AppIdentity) =>
      new SubscriptionExplorer({ mq, modules, moduleRef, identity }),
  };
  return { ...module, providers: [...(module.providers ?? []), explorer] };
}

/**
 * Provides an `MqProvider`, and subscribes every `@Subscribe` method of the application. At shutdown nothing more is
 * taken, then handlers finish, before any `onApplicationShutdown` (in an HTTP service of the umbrella before any
 * `onModuleDestroy`); sending works until after the last user hook.
 */
@Module({})
export class MqModule {
  static forRoot(options: MqOptions & Placement = {}): DynamicModule {
    return withSubscriptions(componentModule(MqModule, definition, options), options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOptions<MqOptions, I>,
  ): DynamicModule {
    return withSubscriptions(componentModuleAsync(MqModule, definition, options), options);
  }
}
