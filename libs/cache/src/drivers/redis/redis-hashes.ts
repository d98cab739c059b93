import type { DriverCall, Encoded } from '../cache-driver.js';
import type { HashDriver } from '../structure-drivers.js';
import { addExactly } from './redis-counters.js';
import { asItIs, isOne, orUndefined, pairs, type RedisRoute } from './redis-replies.js';

/** Each method is one command. */
export class RedisHashes implements HashDriver {
  readonly #route: RedisRoute;

  constructor(route: RedisRoute) {
    this.#route = route;
  }

  get(key: string, fields: readonly string[], call: DriverCall): Promise<readonly (Encoded | undefined)[]> {
    return this.#route.read(
      key,
      call,
      (client) => client.hmgetBuffer(key, ...fields),
      (values) => values.map(orUndefined),
    );
  }

  getAll(key: string, call: DriverCall): Promise<readonly (readonly [string, Encoded])[]> {
    return this.#route.read(
      key,
      call,
      (client) => client.callBuffer('HGETALL', key),
      (reply) => pairs(reply).map(([field, value]) => [field.toString(), value] as const),
    );
  }

  set(key: string, entries: readonly (readonly [string, Encoded])[], call: DriverCall): Promise<number> {
    return this.#route.write(key, call, (client) => client.hset(key, ...entries.flat()), asItIs);
  }

  delete(key: string, fields: readonly string[], call: DriverCall): Promise<number> {
    return this.#route.write(key, call, (client) => client.hdel(key, ...fields), asItIs);
  }

  exists(key: string, field: string, call: DriverCall): Promise<boolean> {
    return this.#route.read(key, call, (client) => client.hexists(key, field), isOne);
  }

  length(key: string, call: DriverCall): Promise<number> {
    return this.#route.read(key, call, (client) => client.hlen(key), asItIs);
  }

  increment(key: string, field: string, by: number, call: DriverCall): Promise<number> {
    return addExactly(this.#route, { key, field }, by, call);
  }

  keys(key: string, call: DriverCall): Promise<readonly string[]> {
    return this.#route.read(key, call, (client) => client.hkeys(key), asItIs);
  }
}
