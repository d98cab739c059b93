import { defineScript } from '../scripts/atomic-script.js';

/** ARGV: owner, ttl. Replies 0 when the lease is granted, else the milliseconds another has it for, at least 1. */
export const claimLease = defineScript<number>({
  name: 'lease-claim',
  lua: `
if redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))`,
  twin: (view, [key = ''], [owner = '', ttl]) => {
    const left = view.ttlMs(key);
    if (left !== undefined) return left === Infinity ? 1 : Math.max(1, left);
    view.set(key, owner, { ttlMs: Number(ttl) });
    return 0;
  },
  decode: Number,
});

/** ARGV: owner, ttl. Replies 1 when it was still the owner's. */
export const renewLease = defineScript<boolean>({
  name: 'lease-renew',
  lua: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
  twin: (view, [key = ''], [owner, ttl]) =>
    view.get(key) === owner && view.expire(key, Number(ttl)) ? 1 : 0,
  decode: (reply) => reply === 1,
});

/** ARGV: owner. Frees the lease where it is the owner's, and tells those who wait. Replies 1 when it was. */
export const freeLease = defineScript<boolean>({
  name: 'lease-free',
  lua: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', KEYS[1], 'free')
return 1`,
  twin: (view, [key = ''], [owner]) => {
    if (view.get(key) !== owner) return 0;
    view.delete(key);
    view.publish(key, 'free');
    return 1;
  },
  decode: (reply) => reply === 1,
});
