import { elasticsearchRecipe } from './elasticsearch.js';
import { etcdRecipe } from './etcd.js';
import { kafkaRecipe } from './kafka.js';
import { postgresRecipe } from './postgres.js';
import { redisRecipe } from './redis.js';
import type { ServerKind } from './running-server.js';
import type { ServerRecipe } from './server-recipe.js';

/** Every server the suite knows, with the recipe to launch it. */
export const SERVERS: Readonly<Record<ServerKind, ServerRecipe>> = {
  redis: redisRecipe,
  etcd: etcdRecipe,
  postgres: postgresRecipe,
  kafka: kafkaRecipe,
  elasticsearch: elasticsearchRecipe,
};

export const SERVER_KINDS = Object.keys(SERVERS) as readonly ServerKind[];
