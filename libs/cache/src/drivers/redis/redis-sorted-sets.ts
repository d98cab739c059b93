import type { DriverCall, Encoded } from '../cache-driver.js';
import type { DriverRange, DriverRangeQuery, ScoredMember, SortedSetDriver } from '../structure-drivers.js';
import { asItIs, orUndefined, pairs, scoreOf, scoreText, type RedisRoute } from './redis-replies.js';

const scoreOrNothing = (reply: string | null): number | undefined =>
  reply === null ? undefined : scoreOf(reply);

/** Each method is one command. */
export class RedisSortedSets implements SortedSetDriver {
  readonly #route: RedisRoute;

  constructor(route: RedisRoute) {
    this.#route = route;
  }

  add(key: string, entries: readonly ScoredMember[], call: DriverCall): Promise<number> {
    const operands = entries.flatMap(({ member, score }) => [scoreText(score), member]);
    return this.#route.write(key, call, (client) => client.call('ZADD', key, ...operands), Number);
  }

  remove(key: string, members: readonly Encoded[], call: DriverCall): Promise<number> {
    return this.#route.write(key, call, (client) => client.zrem(key, ...members), asItIs);
  }

  score(key: string, member: Encoded, call: DriverCall): Promise<number | undefined> {
    return this.#route.read(key, call, (client) => client.zscore(key, member), scoreOrNothing);
  }

  increment(key: string, member: Encoded, by: number, call: DriverCall): Promise<number> {
    return this.#route.write(key, call, (client) => client.zincrby(key, scoreText(by), member), scoreOf);
  }

  rank(key: string, member: Encoded, reverse: boolean, call: DriverCall): Promise<number | undefined> {
    return this.#route.read(
      key,
      call,
      (client) => (reverse ? client.zrevrank(key, member) : client.zrank(key, member)),
      orUndefined,
    );
  }

  range(key: string, query: DriverRangeQuery, call: DriverCall): Promise<readonly ScoredMember[]> {
    return this.#route.read(
      key,
      call,
      (client) => client.callBuffer('ZRANGE', key, ...rangeOperands(query)),
      (reply) =>
        pairs(reply)
          .map(([member, score]) => ({ member, score: scoreOf(score) }))
          .slice(0, query.limit),
    );
  }

  count(key: string, min: number, max: number, call: DriverCall): Promise<number> {
    return this.#route.read(
      key,
      call,
      (client) => client.zcount(key, scoreText(min), scoreText(max)),
      asItIs,
    );
  }

  size(key: string, call: DriverCall): Promise<number> {
    return this.#route.read(key, call, (client) => client.zcard(key), asItIs);
  }

  removeRange(key: string, { by, from, to }: DriverRange, call: DriverCall): Promise<number> {
    return this.#route.write(
      key,
      call,
      (client) =>
        by === 'rank'
          ? client.zremrangebyrank(key, from, to)
          : client.zremrangebyscore(key, scoreText(from), scoreText(to)),
      asItIs,
    );
  }
}

/** ZRANGE takes LIMIT by score alone, and wants the higher score first when it goes down. */
function rangeOperands({ by, from, to, reverse, limit }: DriverRangeQuery): (string | number)[] {
  const order = reverse ? ['REV'] : [];
  if (by === 'rank') return [from, lastRank(from, to, limit), ...order, 'WITHSCORES'];
  const ends = [scoreText(from), scoreText(to)];
  if (reverse) ends.reverse();
  const bound = limit === undefined ? [] : ['LIMIT', 0, limit];
  return [...ends, 'BYSCORE', ...order, ...bound, 'WITHSCORES'];
}

/** The nearer end of the two, where it can be known without the size of the set; the rest is cut off afterwards. */
function lastRank(from: number, to: number, limit: number | undefined): number {
  if (limit === undefined || from < 0 || to < -1) return to;
  const end = from + limit - 1;
  return to === -1 ? end : Math.min(to, end);
}
