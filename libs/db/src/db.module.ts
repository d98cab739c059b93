import { Module, type DynamicModule } from '@nestjs/common';
import {
  componentModule,
  componentModuleAsync,
  type AsyncOptions,
  type ComponentDefinition,
  type InjectionEntry,
  type Placement,
} from '@infra-kit/kernel';
import { createDb } from './create-db.js';
import type { DbEntity, DbOptions } from './db.config.js';
import { DbProvider } from './db.provider.js';
import { getDbToken, getRepositoryToken, repositoryClassOf } from './db.tokens.js';

const definition: ComponentDefinition<DbOptions, DbProvider> = {
  component: 'db',
  token: DbProvider,
  // a server lives in real time: on a test's clock, which somebody has to move, no start and no retry would end
  create: (options, { clock: _clock, ...deps }) => createDb(options, deps),
  critical: true,
  forTest: ({ url: _url, replicas: _replicas, sharding, dataDir: _dataDir, ...options }) => ({
    ...options,
    driver: 'embedded',
    ...(sharding && { sharding: { tables: sharding.tables, shards: sharding.shards } }),
  }),
};

/** Provides a `DbProvider`, closed by the application's shutdown after the last user hook. */
@Module({})
export class DbModule {
  static forRoot(options: DbOptions & Placement = {}): DynamicModule {
    return componentModule(DbModule, definition, options);
  }

  static forRootAsync<const I extends readonly InjectionEntry[] = []>(
    options: AsyncOptions<DbOptions, I>,
  ): DynamicModule {
    return componentModuleAsync(DbModule, definition, options);
  }

  /**
   * Makes the repositories of these entities injectable: `@InjectRepository(Order)`, or by their own repository classes
   * (of the default instance).
   */
  static forFeature(entities: readonly DbEntity[], name?: string): DynamicModule {
    const providers = entities.flatMap((entity) => {
      const own = name === undefined ? repositoryClassOf(entity) : undefined;
      return [getRepositoryToken(entity, name), ...(own === undefined ? [] : [own])].map((provide) => ({
        provide,
        inject: [getDbToken(name)],
        useFactory: (db: DbProvider) => db.orm.em.getRepository(entity),
      }));
    });
    return { module: DbModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}
