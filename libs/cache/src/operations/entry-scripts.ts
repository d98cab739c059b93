import { defineScript, type ScriptView } from '../scripts/atomic-script.js';

const startsWith = (view: ScriptView, key: string, head: string): boolean =>
  view.getRange(key, 0, Buffer.byteLength(head) - 1) === head;

/**
 * ARGV: head, most, ttl. Gives the entry a ttl, 0 for none of life at all, where it still begins with the head that was
 * looked at and, unless `most` is '', has at most so many milliseconds left. Replies 1 when it did.
 */
export const touchEntry = defineScript<boolean>({
  name: 'entry-touch',
  lua: `
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
local left = redis.call('PTTL', KEYS[1])
if ARGV[2] ~= '' and (left < 0 or left > tonumber(ARGV[2])) then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])`,
  twin: (view, [key = ''], [head = '', most = '', ttl]) => {
    if (!startsWith(view, key, head)) return 0;
    if (most !== '' && (view.ttlMs(key) ?? Infinity) > Number(most)) return 0;
    return view.expire(key, Number(ttl)) ? 1 : 0;
  },
  decode: (reply) => reply === 1,
});

/** As Redis writes whole numbers. */
const WHOLE = /^(0|-?[1-9]\d*)$/;
const LONGEST = 17;
const MOST = Number.MAX_SAFE_INTEGER;

/** `changed`: it does not begin with that head any more. */
export type AddReply = number | 'changed' | 'no number' | 'beyond';

/** ARGV: head, number. Adds to the whole number that an entry with that head holds; its expiry stays. */
export const addToEntry = defineScript<AddReply>({
  name: 'entry-add',
  lua: `
local text = redis.call('GET', KEYS[1])
if not text or string.sub(text, 1, #ARGV[1]) ~= ARGV[1] then return 'changed' end
text = string.sub(text, #ARGV[1] + 1)
if #text > ${LONGEST} or (text ~= '0' and not string.find(text, '^-?[1-9]%d*$')) then return 'no number' end
local sum = text + ARGV[2]
if math.abs(text) > ${MOST} or math.abs(sum) > ${MOST} then return 'beyond' end
sum = string.format('%.0f', sum)
redis.call('SET', KEYS[1], ARGV[1] .. sum, 'KEEPTTL')
return sum`,
  twin: (view, [key = ''], [head = '', by]) => {
    const whole = view.get(key);
    if (whole?.startsWith(head) !== true) return 'changed';
    const text = whole.slice(head.length);
    if (text.length > LONGEST || !WHOLE.test(text)) return 'no number';
    const sum = Number(text) + Number(by);
    if (!Number.isSafeInteger(Number(text)) || !Number.isSafeInteger(sum)) return 'beyond';
    view.set(key, `${head}${sum}`, { keepTtl: true });
    return String(sum);
  },
  decode: (reply) =>
    reply === 'changed' || reply === 'no number' || reply === 'beyond' ? reply : Number(reply),
});
