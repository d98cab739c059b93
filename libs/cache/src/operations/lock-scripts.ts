import { defineScript, type ScriptView } from '../scripts/atomic-script.js';

/**
 * How long a lock is remembered after its last use, so that its tokens go on rising from the last one. Beyond that, and
 * after FLUSHALL, they rise because they never fall behind the server's clock.
 */
const KEEP_MS = 8 * 86_400_000;

/**
 * A lock is one text, so that it is one key on a cluster too: `token owner until`, then those who wait in the order of
 * their arrival, each as `|waiter,seen`. Free: owner `-`. Times are the server's, in milliseconds. A waiter who has not
 * shown up for the time of a place is passed over.
 */
const READ = `
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)
local record = redis.call('GET', KEYS[1])
local token, owner, till, line = string.match(record or '0 - 0', '^(%d+) (%S+) (%d+)(.*)$')
if tonumber(till) <= now then owner = '-' end
local function write(queue)
  local text = token .. ' ' .. owner .. ' ' .. till
  for _, each in ipairs(queue) do text = text .. '|' .. each.id .. ',' .. each.seen end
  redis.call('SET', KEYS[1], text, 'PX', ${KEEP_MS})
end
local function waiting(placeMs)
  local queue = {}
  for id, seen in string.gmatch(line, '|([^,|]+),(%d+)') do
    if seen + placeMs > now then queue[#queue + 1] = { id = id, seen = seen } end
  end
  return queue
end`;

interface Waiter {
  readonly id: string;
  seen: number;
}

/** The twin of the above. */
class LockRecord {
  readonly us: number;
  readonly now: number;
  readonly known: boolean;
  token: string;
  owner: string;
  till: number;
  readonly #view: ScriptView;
  readonly #key: string;
  readonly #line: string;

  constructor(view: ScriptView, key: string) {
    this.#view = view;
    this.#key = key;
    this.us = view.nowUs();
    this.now = Math.floor(this.us / 1000);
    const record = view.get(key);
    const parts = /^(\d+) (\S+) (\d+)(.*)$/.exec(record ?? '0 - 0') ?? [];
    this.known = record !== undefined;
    this.token = parts[1] ?? '0';
    this.till = Number(parts[3]);
    this.owner = this.till <= this.now ? '-' : (parts[2] ?? '-');
    this.#line = parts[4] ?? '';
  }

  waiting(placeMs: number): Waiter[] {
    return [...this.#line.matchAll(/\|([^,|]+),(\d+)/g)]
      .map(([, id = '', seen]) => ({ id, seen: Number(seen) }))
      .filter(({ seen }) => seen + placeMs > this.now);
  }

  write(queue: readonly Waiter[]): void {
    const line = queue.map(({ id, seen }) => `|${id},${seen}`).join('');
    this.#view.set(this.#key, `${this.token} ${this.owner} ${this.till}${line}`, { ttlMs: KEEP_MS });
  }
}

export type LockReply = { readonly token: bigint } | { readonly heldMs: number; readonly ahead: number };

/**
 * ARGV: owner, ttl, time of a place, and who waits, '' for one who does not. Replies the token; else for how long the
 * lock is held yet, and how many stand before. One who does not wait may take a free lock before those who do.
 */
export const acquireLock = defineScript<LockReply>({
  name: 'lock-acquire',
  lua: `${READ}
local me, queue, place = ARGV[4], waiting(tonumber(ARGV[3])), 0
for at, each in ipairs(queue) do if each.id == me then place = at end end
if owner == '-' and (me == '' or place == 1 or #queue == 0) then
  token = string.format('%.0f', math.max(token + 1, us))
  owner = ARGV[1]
  till = string.format('%.0f', now + ARGV[2])
  if place == 1 then table.remove(queue, 1) end
  write(queue)
  return token
end
if me ~= '' then
  if place == 0 then
    place = #queue + 1
    queue[place] = { id = me }
  end
  queue[place].seen = string.format('%.0f', now)
  write(queue)
end
return {owner == '-' and 0 or till - now, me == '' and #queue or place - 1}`,
  twin: (view, [key = ''], [owner = '', ttlMs, placeMs, me = '']) => {
    const lock = new LockRecord(view, key);
    const queue = lock.waiting(Number(placeMs));
    let place = me === '' ? -1 : queue.findIndex(({ id }) => id === me);
    if (lock.owner === '-' && (me === '' || place === 0 || queue.length === 0)) {
      lock.token = String(Math.max(Number(lock.token) + 1, lock.us));
      lock.owner = owner;
      lock.till = lock.now + Number(ttlMs);
      lock.write(place === 0 ? queue.slice(1) : queue);
      return lock.token;
    }
    if (me !== '') {
      if (place < 0) place = queue.push({ id: me, seen: 0 }) - 1;
      queue.splice(place, 1, { id: me, seen: lock.now });
      lock.write(queue);
    }
    return [lock.owner === '-' ? 0 : lock.till - lock.now, me === '' ? queue.length : place];
  },
  decode: (reply) => {
    if (typeof reply === 'string') return { token: BigInt(reply) };
    const [heldMs, ahead] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
    return { heldMs: Number(heldMs), ahead: Number(ahead) };
  },
});

/**
 * ARGV: owner, ttl, token. Replies 1 when the lock is still the owner's. One that the server has forgotten (FLUSHALL)
 * is taken down again: had another got it meanwhile, that would be known.
 */
export const renewLock = defineScript<boolean>({
  name: 'lock-renew',
  lua: `${READ}
if record and owner ~= ARGV[1] then return 0 end
if not record then
  owner = ARGV[1]
  token = ARGV[3]
end
till = string.format('%.0f', now + ARGV[2])
write(waiting(now))
return 1`,
  twin: (view, [key = ''], [owner = '', ttlMs, token = '']) => {
    const lock = new LockRecord(view, key);
    if (lock.known && lock.owner !== owner) return 0;
    if (!lock.known) {
      lock.owner = owner;
      lock.token = token;
    }
    lock.till = lock.now + Number(ttlMs);
    lock.write(lock.waiting(lock.now));
    return 1;
  },
  decode: (reply) => reply === 1,
});

/**
 * ARGV: owner, time of a place, waiter. Frees the lock where it is the owner's, takes the waiter off the queue, and
 * tells the first of those who wait when the lock is free. Replies 1 when the lock was the owner's.
 */
export const leaveLock = defineScript<boolean>({
  name: 'lock-leave',
  lua: `${READ}
if not record then return 0 end
local mine, queue = owner == ARGV[1], {}
for _, each in ipairs(waiting(tonumber(ARGV[2]))) do
  if each.id ~= ARGV[3] then queue[#queue + 1] = each end
end
if mine then owner = '-' end
if mine or ARGV[3] ~= '' then write(queue) end
if owner == '-' and queue[1] then redis.pcall('PUBLISH', KEYS[1], queue[1].id) end
return mine and 1 or 0`,
  twin: (view, [key = ''], [owner, placeMs, waiter = '']) => {
    const lock = new LockRecord(view, key);
    if (!lock.known) return 0;
    const mine = lock.owner === owner;
    const queue = lock.waiting(Number(placeMs)).filter(({ id }) => id !== waiter);
    if (mine) lock.owner = '-';
    if (mine || waiter !== '') lock.write(queue);
    const [first] = queue;
    if (lock.owner === '-' && first) view.publish(key, first.id);
    return mine ? 1 : 0;
  },
  decode: (reply) => reply === 1,
});
