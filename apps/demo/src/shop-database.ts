import type { DbOptions } from 'infra-kit';
import { OrderEntity } from './orders/order.entity.js';
import { SaleEntity } from './orders/sale.entity.js';
import { ProductEntity } from './products/product.entity.js';
import { SalesFigureEntity } from './sales-figures/sales-figure.entity.js';

/**
 * Products and sales in one place, orders in sixteen shards by buyer. Embedded without a variable; DATABASE_URL: one
 * server for all; DATABASE_SHARD_URLS (comma list) beside it: the servers of the shards. DATA_DIR keeps what the
 * embedded server holds.
 */
export function shopDatabase(env: Readonly<Record<string, string | undefined>>): DbOptions {
  const servers = listOf(env['DATABASE_SHARD_URLS']).map((url, index) => ({
    name: `shards-${index + 1}`,
    url,
  }));
  const dataDir = env['DATA_DIR']?.trim() || undefined;
  return {
    entities: [ProductEntity, SaleEntity, OrderEntity, SalesFigureEntity],
    dataDir,
    ...(servers.length > 0 && { url: env['DATABASE_URL'] }),
    sharding: {
      tables: { orders: { key: 'userId' } },
      shards: 16,
      ...(servers.length > 0 && { servers }),
    },
  };
}

const listOf = (text = ''): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
