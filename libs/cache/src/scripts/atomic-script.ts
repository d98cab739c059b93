import { createHash } from 'node:crypto';

/** What a script answers, as Redis gives it: texts, whole numbers, lists; null is Lua's `false` (a `nil` would end a list). */
export type ScriptReply = string | number | null | readonly ScriptReply[];

/**
 * The store as a twin sees it: the commands a script may call, on texts, at one instant.
 * Only keys handed to the script may be touched, as on a Redis Cluster.
 */
export interface ScriptView {
  /** GET */
  get(key: string): string | undefined;
  /** SET, with PX or KEEPTTL; without either the expiry goes. */
  set(
    key: string,
    value: string,
    options?: { readonly ttlMs?: number | undefined; readonly keepTtl?: boolean | undefined },
  ): void;
  /** DEL: true when it was there. */
  delete(key: string): boolean;
  /** EXISTS */
  exists(key: string): boolean;
  /** INCRBY; throws for what is no whole number. */
  increment(key: string, by: number): number;
  /** PEXPIRE: false when there is no entry; ≤ 0 deletes it. */
  expire(key: string, ttlMs: number): boolean;
  /** PTTL: milliseconds left, Infinity without expiry, undefined without entry. */
  ttlMs(key: string): number | undefined;
  /** GETRANGE: the bytes from `start` to `end`, both included and counted from 0, as text; '' without entry. */
  getRange(key: string, start: number, end: number): string;
  /** SETRANGE: what was not there before is zero bytes; the expiry stays. */
  setRange(key: string, offset: number, text: string): void;
  /** GETBIT: 0 beyond the end. */
  getBit(key: string, offset: number): 0 | 1;
  /** SETBIT: answers the former bit; the expiry stays. */
  setBit(key: string, offset: number, bit: 0 | 1): 0 | 1;
  /** PUBLISH, which no script should fail for: `redis.pcall`. */
  publish(channel: string, message: string): void;
  /** TIME, in microseconds since the epoch: the server's clock, never the caller's. */
  nowUs(): number;
}

export type ScriptTwin = (view: ScriptView, keys: readonly string[], args: readonly string[]) => ScriptReply;

/**
 * One atomic step on the store, written twice: as Lua for Redis and as its TypeScript twin for the memory driver.
 * Both must answer equally for equal stores; `compareTwins` of `@infra-kit/cache/testing` shows it.
 * Values are texts as the store keeps them (the codec does not touch them); numbers in replies are cut to whole ones.
 */
export interface AtomicScript<R> {
  /** For errors and spans. */
  readonly name: string;
  readonly lua: string;
  /** Hex SHA-1 of `lua`: what EVALSHA names it by. */
  readonly sha: string;
  readonly twin: ScriptTwin;
  readonly decode: (reply: ScriptReply) => R;
}

export interface ScriptDefinition<R> {
  readonly name: string;
  readonly lua: string;
  /** Pure: reads and writes through the view alone, and no clock but the view's. */
  readonly twin: ScriptTwin;
  /** Turns the reply into the result. */
  readonly decode: (reply: ScriptReply) => R;
}

/** Makes a script of its two halves; at module level, once. */
export function defineScript<R>(definition: ScriptDefinition<R>): AtomicScript<R> {
  const { name, lua, twin, decode } = definition;
  const sha = createHash('sha1').update(lua).digest('hex');
  return Object.freeze({ name, lua, sha, twin, decode });
}
