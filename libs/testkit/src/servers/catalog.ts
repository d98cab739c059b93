import { etcdRecipe } from './etcd.js';
import { redisRecipe } from './redis.js';
import type { ServerKind } from './running-server.js';
import type { ServerRecipe } from './server-recipe.js';

/** Every server the suite knows, with the recipe to launch it, or undefined while there is none. */
export const SERVERS: Readonly<Record<ServerKind, ServerRecipe | undefined>> = {
  redis: redisRecipe,
  etcd: etcdRecipe,
  postgres: undefined,
  kafka: undefined,
  elasticsearch: undefined,
};

export const SERVER_KINDS = Object.keys(SERVERS) as readonly ServerKind[];
