import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import type { DbEntity } from './db.config.js';
import { DbProvider } from './db.provider.js';

/** The injection token of a database: the abstract class, or a symbol of the instance's name. */
export function getDbToken(name?: string): InjectionToken {
  return instanceToken('db', DbProvider, name);
}

/** Injects a database by name: `@InjectDb('orders')`. Without a name the type alone does: `constructor(db: DbProvider)`. */
export function InjectDb(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getDbToken(name));
}

const nameOf = (entity: DbEntity): string =>
  typeof entity === 'function' ? entity.name : entity.meta.className;

/** The injection token of an entity's repository, as `DbModule.forFeature` provides it. */
export function getRepositoryToken(entity: DbEntity, name?: string): InjectionToken {
  return name === undefined ? `${nameOf(entity)}Repository` : `${name}_${nameOf(entity)}Repository`;
}

/** Injects an entity's repository: `constructor(@InjectRepository(Order) orders: EntityRepository<Order>)`. */
export function InjectRepository(entity: DbEntity, name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getRepositoryToken(entity, name));
}

/** Where MikroORM's decorators keep what they know of a class; no import, since MikroORM may not be installed. */
const DECORATED = Symbol.for('@mikro-orm/core/MetadataStorage.META_SYMBOL');

/** The repository class that an entity names (`repository: () => OrderRepository`): a token too, as in @mikro-orm/nestjs. */
export function repositoryClassOf(entity: DbEntity): InjectionToken | undefined {
  const meta: unknown = typeof entity === 'function' ? Reflect.get(entity, DECORATED) : entity.meta;
  const repository: unknown =
    typeof meta === 'object' && meta !== null ? Reflect.get(meta, 'repository') : undefined;
  return typeof repository === 'function' ? (repository as () => InjectionToken)() : undefined;
}
