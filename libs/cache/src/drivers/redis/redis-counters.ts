import { InfraError } from '@infra-kit/kernel';
import { BEYOND_EXACT } from '../../cache.errors.js';
import type { DriverCall } from '../cache-driver.js';
import type { RedisRoute } from './redis-replies.js';

/**
 * Adds, and takes back what went too far: one step. The sum leaves as text, since ioredis reads integers near 2^53 wrong.
 * ARGV: what to add, the same with the other sign.
 */
const adding = (command: string, what: string): string =>
  `local s=redis.call('${command}',${what},ARGV[1]) if s<=${Number.MAX_SAFE_INTEGER} and s>=${Number.MIN_SAFE_INTEGER} then return string.format('%.0f',s) end redis.call('${command}',${what},ARGV[2]) return false`;

const ADD = adding('INCRBY', 'KEYS[1]');
const ADD_TO_FIELD = adding('HINCRBY', 'KEYS[1],ARGV[3]');

/** INCRBY or, with a field, HINCRBY. Sent as EVAL: a NOSCRIPT sent again would be overtaken by later writes of the key. */
export async function addExactly(
  route: RedisRoute,
  at: { readonly key: string; readonly field?: string | undefined },
  by: number,
  call: DriverCall,
): Promise<number> {
  const { key, field } = at;
  const script = field === undefined ? ADD : ADD_TO_FIELD;
  const args = [by, -by, ...(field === undefined ? [] : [field])];
  const sum = await route.write(
    key,
    call,
    (client) => client.eval(script, 1, key, ...args),
    (reply) => reply,
  );
  if (typeof sum === 'string') return Number(sum);
  throw new InfraError('DATA_LOSS', BEYOND_EXACT);
}
