export { createDb } from './create-db.js';
export {
  DbConfig,
  DbConnectRetryConfig,
  DbMigrationsConfig,
  DbPoolConfig,
  DbShardingConfig,
  DbShardServerConfig,
  DbShardTableConfig,
  defaultDbConfig,
  type DbEntity,
  type DbOptions,
} from './db.config.js';
export { DbError } from './db.errors.js';
export { DbModule } from './db.module.js';
export { DbProvider } from './db.provider.js';
export type { IsolationLevel, MigrateOptions, Propagation, SqlTag, TransactionOptions } from './db.types.js';
export {
  DB_CONNECTIONS,
  DB_CONNECTIONS_MAX,
  DB_OPERATION_DURATION,
  DB_PENDING,
  DB_RETRIES,
  DB_SCOPE,
  DB_TRANSACTIONS,
} from './db.telemetry.js';
export { getDbToken, getRepositoryToken, InjectDb, InjectRepository } from './db.tokens.js';
export type { DbCapabilities, DbConnection, DbDriver } from './drivers/db-driver.js';
export { parseDbConfig } from './parse-db-config.js';
export type { ShardHandle, ShardInfo, Shards, ShardsAllOptions } from './sharding/shards.js';
export type { ShardKey } from './sharding/slots.js';
export { Transactional, type TransactionalOptions } from './nest/transactional.decorator.js';
