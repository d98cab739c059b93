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
