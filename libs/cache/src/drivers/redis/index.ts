export { redisDriver } from './redis.driver.js';
export type { RedisDriverOptions, RedisTls } from './redis-options.js';
