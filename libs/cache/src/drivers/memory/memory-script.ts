import { InfraError } from '@infra-kit/kernel';
import type { AtomicScript, ScriptReply, ScriptView } from '../../scripts/atomic-script.js';
import { added } from './counter.js';
import { MemoryBits } from './memory-bits.js';
import type { LruStore } from './lru-store.js';
import { plain, type Stored } from './stored.js';

/** What a script may do on the memory store: the commands of Redis on texts, on the keys it was given. */
export function memoryView(
  store: LruStore<Stored>,
  declared: readonly string[],
  outside: { readonly wallClock: () => number; readonly publish: ScriptView['publish'] },
): ScriptView {
  const own = (key: string): string => {
    if (declared.includes(key)) return key;
    throw new InfraError(
      'INVALID_ARGUMENT',
      `a script may touch the keys it was given alone, not ${JSON.stringify(key)}`,
    );
  };
  const bits = new MemoryBits(store);
  return {
    getRange: (key, start, end) => bits.getRange(own(key), start, end),
    setRange: (key, offset, text) => bits.setRange(own(key), offset, text),
    getBit: (key, offset) => bits.getBit(own(key), offset),
    setBit: (key, offset, bit) => bits.setBit(own(key), offset, bit),
    get(key) {
      const entry = store.touch(own(key));
      return entry && plain(entry.value).toString();
    },
    set(key, value, { ttlMs, keepTtl } = {}) {
      if (ttlMs !== undefined && !(Number.isInteger(ttlMs) && ttlMs > 0))
        throw new InfraError('INVALID_ARGUMENT', `a script must set whole milliseconds ≥ 1, not ${ttlMs}`);
      const kept = keepTtl === true ? (store.peek(own(key))?.expiresAt ?? Infinity) : Infinity;
      store.put(own(key), value, ttlMs === undefined ? kept : store.now + ttlMs);
    },
    delete: (key) => store.delete(own(key)),
    exists: (key) => store.peek(own(key)) !== undefined,
    increment(key, by) {
      const entry = store.peek(own(key));
      const sum = added(entry && plain(entry.value), by);
      store.put(key, sum, entry?.expiresAt ?? Infinity);
      return Number(sum);
    },
    expire(key, ttlMs) {
      const entry = store.peek(own(key));
      if (entry === undefined) return false;
      if (ttlMs <= 0) return store.delete(key);
      entry.expiresAt = store.now + ttlMs;
      return true;
    },
    ttlMs(key) {
      const entry = store.peek(own(key));
      return entry && Math.ceil(entry.expiresAt - store.now);
    },
    publish: outside.publish,
    nowUs: () => Math.floor(outside.wallClock() * 1000),
  };
}

/** A reply as it would leave Lua: numbers cut to whole ones. */
function asRedisReplies(reply: ScriptReply): ScriptReply {
  if (typeof reply === 'number') return Math.trunc(reply) + 0; // no -0
  if (typeof reply === 'string' || reply === null) return reply;
  return reply.map((item) => asRedisReplies(item));
}

/** One step: JavaScript runs the twin to its end before anything else touches the store. */
export function runTwin(
  script: AtomicScript<unknown>,
  view: ScriptView,
  keys: readonly string[],
  args: readonly string[],
): ScriptReply {
  return asRedisReplies(script.twin(view, keys, args));
}
