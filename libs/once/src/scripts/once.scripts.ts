import { defineScript, type ScriptReply, type ScriptView } from '@infra-kit/cache';

/** How long the last fence of a key is known after its last use; beyond, and after FLUSHALL, fences rise with the server's clock. */
const KEEP_MS = 8 * 86_400_000;

/**
 * KEYS: the record, and the counter that holds the last fence given out. A record is one text: running
 * `r fence startedMs owner fingerprint`, done `d fence startedMs doneMs fingerprint result`; '-' is no fingerprint. Its
 * expiry is the lease's end, or the result's. The last argument stands in for the server's time (µs) in tests, '' otherwise.
 */
const READ = `
local us = tonumber(ARGV[#ARGV])
if not us then
  local time = redis.call('TIME')
  us = time[1] * 1000000 + time[2]
end
local now = string.format('%.0f', math.floor(us / 1000))
local record = redis.call('GET', KEYS[1])
local last = redis.call('GET', KEYS[2])
local kind, fence = string.match(record or '- 0', '^(%S+) (%d+)')
local function mine(given)
  if record then return fence == given end
  return not last or last == given
end
local function nextFence() return string.format('%.0f', math.max((tonumber(last or '') or 0) + 1, us)) end`;

/** The twin of the above. */
class Entry {
  readonly us: number;
  readonly now: number;
  readonly record: string | undefined;
  readonly last: string | undefined;
  readonly kind: string | undefined;
  readonly fence: string | undefined;
  readonly #view: ScriptView;
  readonly #keys: readonly [string, string];

  constructor(view: ScriptView, [key = '', counter = '']: readonly string[], at: string | undefined) {
    this.#view = view;
    this.#keys = [key, counter];
    this.us = at === undefined || at === '' ? view.nowUs() : Number(at);
    this.now = Math.floor(this.us / 1000);
    this.record = view.get(key);
    this.last = view.get(counter);
    [, this.kind, this.fence] = /^(\S+) (\d+)/.exec(this.record ?? '- 0') ?? [];
  }

  mine(given: string): boolean {
    return this.record === undefined ? this.last === undefined || this.last === given : this.fence === given;
  }

  nextFence(): string {
    return String(Math.max((Number(this.last ?? '') || 0) + 1, this.us));
  }

  put(text: string, ttlMs: string): void {
    this.#view.set(this.#keys[0], text, { ttlMs: Number(ttlMs) });
  }

  forget(): void {
    this.#view.delete(this.#keys[0]);
  }

  remember(fence: string): void {
    this.#view.set(this.#keys[1], fence, { ttlMs: KEEP_MS });
  }

  reply(): ScriptReply {
    return [this.record ?? '', Math.max(this.#view.ttlMs(this.#keys[0]) ?? 0, 0), String(this.now)];
  }
}

export interface RunningEntry {
  readonly status: 'running';
  readonly owner: string;
}
export interface DoneEntry {
  readonly status: 'done';
  readonly doneAt: number;
  readonly result: string;
}
export type StoredEntry = (RunningEntry | DoneEntry) & {
  readonly fence: bigint;
  readonly startedAt: number;
  readonly expiresAt: number;
  readonly leftMs: number;
  readonly fingerprint: string | undefined;
};

const ENTRY_PARTS = 3;
const FIELDS = /^([rd]) (\d+) (\d+) (\S+) (\S+) ?/;

function entryOf(reply: ScriptReply): StoredEntry | undefined {
  if (!Array.isArray(reply) || reply.length < ENTRY_PARTS) return undefined;
  const [record, left, now] = reply as readonly unknown[];
  const text = String(record);
  const [head = '', kind, fence = '0', startedAt, third = '', fingerprint] = FIELDS.exec(text) ?? [];
  const base = {
    fence: BigInt(fence),
    startedAt: Number(startedAt),
    leftMs: Number(left),
    expiresAt: Number(now) + Number(left),
    fingerprint: fingerprint === '-' ? undefined : fingerprint,
  };
  return kind === 'd'
    ? { ...base, status: 'done', doneAt: Number(third), result: text.slice(head.length) }
    : { ...base, status: 'running', owner: third };
}

export type ClaimReply =
  { readonly fence: bigint; readonly startedAt: number } | { readonly entry: StoredEntry };

/** ARGV: lease, owner, fingerprint. Takes a key that is free, and answers fence and time; else tells what is there. */
export const claimScript = defineScript<ClaimReply>({
  name: 'once-claim',
  lua: `${READ}
if record then return {record, math.max(redis.call('PTTL', KEYS[1]), 0), now} end
fence = nextFence()
redis.call('SET', KEYS[2], fence, 'PX', ${KEEP_MS})
redis.call('SET', KEYS[1], 'r ' .. fence .. ' ' .. now .. ' ' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', ARGV[1])
return {fence, now}`,
  twin: (view, keys, [leaseMs = '', owner = '', fingerprint = '', at]) => {
    const entry = new Entry(view, keys, at);
    if (entry.record !== undefined) return entry.reply();
    const fence = entry.nextFence();
    entry.remember(fence);
    entry.put(`r ${fence} ${entry.now} ${owner} ${fingerprint}`, leaseMs);
    return [fence, String(entry.now)];
  },
  decode: (reply) => {
    const entry = entryOf(reply);
    if (entry !== undefined) return { entry };
    const [fence, startedAt] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
    return { fence: BigInt(String(fence)), startedAt: Number(startedAt) };
  },
});

/** ARGV: fence, lease, startedMs, owner, fingerprint. True: still, or again, the owner's; an emptied store takes it down again. */
export const renewScript = defineScript<boolean>({
  name: 'once-renew',
  lua: `${READ}
if kind == 'd' or not mine(ARGV[1]) then return 0 end
if not last then redis.call('SET', KEYS[2], ARGV[1], 'PX', ${KEEP_MS}) end
redis.call('SET', KEYS[1], 'r ' .. ARGV[1] .. ' ' .. ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5], 'PX', ARGV[2])
return 1`,
  twin: (view, keys, [fence = '', leaseMs = '', startedMs = '', owner = '', fingerprint = '', at]) => {
    const entry = new Entry(view, keys, at);
    if (entry.kind === 'd' || !entry.mine(fence)) return 0;
    if (entry.last === undefined) entry.remember(fence);
    entry.put(`r ${fence} ${startedMs} ${owner} ${fingerprint}`, leaseMs);
    return 1;
  },
  decode: (reply) => reply === 1,
});

/** ARGV: fence, ttl, startedMs, fingerprint, result. False: another has taken the key since, or it was cleared. */
export const completeScript = defineScript<boolean>({
  name: 'once-complete',
  lua: `${READ}
if not mine(ARGV[1]) then return 0 end
if not last then redis.call('SET', KEYS[2], ARGV[1], 'PX', ${KEEP_MS}) end
redis.call('SET', KEYS[1], 'd ' .. ARGV[1] .. ' ' .. ARGV[3] .. ' ' .. now .. ' ' .. ARGV[4] .. ' ' .. ARGV[5], 'PX', ARGV[2])
return 1`,
  twin: (view, keys, [fence = '', ttlMs = '', startedMs = '', fingerprint = '', result = '', at]) => {
    const entry = new Entry(view, keys, at);
    if (!entry.mine(fence)) return 0;
    if (entry.last === undefined) entry.remember(fence);
    entry.put(`d ${fence} ${startedMs} ${entry.now} ${fingerprint} ${result}`, ttlMs);
    return 1;
  },
  decode: (reply) => reply === 1,
});

/** ARGV: owner. Frees the key where that owner runs it. */
export const releaseScript = defineScript<boolean>({
  name: 'once-release',
  lua: `${READ}
if string.match(record or '', '^r %d+ %d+ (%S+)') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1`,
  twin: (view, keys, [owner = '', at]) => {
    const entry = new Entry(view, keys, at);
    if (/^r \d+ \d+ (\S+)/.exec(entry.record ?? '')?.[1] !== owner) return 0;
    entry.forget();
    return 1;
  },
  decode: (reply) => reply === 1,
});

/** No arguments. Forgets the record; an owner that runs it has lost it, for its fence is not the last any more. */
export const clearScript = defineScript<boolean>({
  name: 'once-clear',
  lua: `${READ}
if not record then return 0 end
redis.call('DEL', KEYS[1])
if kind == 'r' then redis.call('SET', KEYS[2], nextFence(), 'PX', ${KEEP_MS}) end
return 1`,
  twin: (view, keys, [at]) => {
    const entry = new Entry(view, keys, at);
    if (entry.record === undefined) return 0;
    entry.forget();
    if (entry.kind === 'r') entry.remember(entry.nextFence());
    return 1;
  },
  decode: (reply) => reply === 1,
});

/** No arguments. */
export const readScript = defineScript<StoredEntry | undefined>({
  name: 'once-read',
  lua: `${READ}
if not record then return false end
return {record, math.max(redis.call('PTTL', KEYS[1]), 0), now}`,
  twin: (view, keys, [at]) => {
    const entry = new Entry(view, keys, at);
    return entry.record === undefined ? null : entry.reply();
  },
  decode: (reply) => entryOf(reply),
});
