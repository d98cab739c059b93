import type { DriverCall, Encoded } from '../cache-driver.js';
import type { SetDriver } from '../structure-drivers.js';
import { asItIs, byteList, isOne, type RedisRoute } from './redis-replies.js';

/** Each method is one command. */
export class RedisSets implements SetDriver {
  readonly #route: RedisRoute;

  constructor(route: RedisRoute) {
    this.#route = route;
  }

  add(key: string, members: readonly Encoded[], call: DriverCall): Promise<number> {
    return this.#route.write(key, call, (client) => client.sadd(key, ...members), asItIs);
  }

  remove(key: string, members: readonly Encoded[], call: DriverCall): Promise<number> {
    return this.#route.write(key, call, (client) => client.srem(key, ...members), asItIs);
  }

  has(key: string, member: Encoded, call: DriverCall): Promise<boolean> {
    return this.#route.read(key, call, (client) => client.sismember(key, member), isOne);
  }

  members(key: string, call: DriverCall): Promise<readonly Encoded[]> {
    return this.#route.read(key, call, (client) => client.callBuffer('SMEMBERS', key), byteList);
  }

  size(key: string, call: DriverCall): Promise<number> {
    return this.#route.read(key, call, (client) => client.scard(key), asItIs);
  }

  pop(key: string, count: number, call: DriverCall): Promise<readonly Encoded[]> {
    return this.#route.write(key, call, (client) => client.callBuffer('SPOP', key, count), byteList);
  }
}
