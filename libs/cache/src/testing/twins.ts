import assert from 'node:assert/strict';
import { SystemClock } from '@infra-kit/kernel';
import type { SeededRandom } from '@infra-kit/kernel/testing';
import type { CacheDriver, Encoded } from '../drivers/cache-driver.js';
import { MemoryCacheDriver } from '../drivers/memory/memory.driver.js';
import type { AtomicScript, ScriptReply } from '../scripts/atomic-script.js';
import { ANY_TIME, randomName } from './suite-target.js';

export interface TwinCall {
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

export interface TwinComparison {
  readonly script: AtomicScript<unknown>;
  /** An open driver on a real server. */
  readonly server: CacheDriver;
  readonly random: SeededRandom;
  /** The keys the sequences play on, by short names; each sequence has its own real ones. */
  readonly keys: readonly string[];
  /** The next call of a sequence; `keys` are the real ones. */
  readonly next: (random: SeededRandom, keys: readonly string[]) => TwinCall;
  /** What the entries hold before a sequence; undefined: no entry. Default: nothing. */
  readonly seed?: ((random: SeededRandom) => string | undefined) | undefined;
  /** Default 20. */
  readonly sequences?: number | undefined;
  /** Calls in a sequence; default 50. */
  readonly steps?: number | undefined;
}

/** How far two clocks may be apart when what is left of a ttl is compared. */
const TTL_SLACK_MS = 5000;

/**
 * Drives a script on the server and its twin on a memory store with the same random calls, and demands after each the
 * same reply (or that both fail), the same bytes under every key, and the same expiry, within some seconds of slack.
 */
export async function compareTwins(comparison: TwinComparison): Promise<void> {
  const { script, server, random, keys, next, seed, sequences = 20, steps = 50 } = comparison;
  for (let sequence = 0; sequence < sequences; sequence++) {
    const memory = new MemoryCacheDriver({ maxEntries: 10_000, clock: new SystemClock() });
    const prefix = `${randomName('twins')}:`;
    const real = keys.map((key) => prefix + key);
    for (const key of real) {
      const value = seed?.(random);
      if (value === undefined) continue;
      for (const driver of [memory, server]) await driver.set(key, value, { ttlMs: 60_000 }, ANY_TIME);
    }
    for (let step = 0; step < steps; step++) {
      const call = next(random, real);
      const where = `${script.name}, seed ${random.seed}, sequence ${sequence}, step ${step}: ${JSON.stringify(call)}`;
      const [twin, lua] = [await outcome(memory, script, call), await outcome(server, script, call)];
      assert.deepEqual(twin, lua, `replies differ (twin first): ${where}`);
      await sameEntries(memory, server, real, where);
    }
    await server.delete(real, ANY_TIME);
  }
}

async function outcome(
  driver: CacheDriver,
  script: AtomicScript<unknown>,
  { keys, args }: TwinCall,
): Promise<{ readonly reply: ScriptReply } | 'failed'> {
  try {
    return { reply: await driver.run(script, keys, args, ANY_TIME) };
  } catch {
    return 'failed';
  }
}

const bytes = (value: Encoded | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString('latin1');

async function sameEntries(
  memory: CacheDriver,
  server: CacheDriver,
  keys: readonly string[],
  where: string,
): Promise<void> {
  const [left, right] = [await memory.getMany(keys, ANY_TIME), await server.getMany(keys, ANY_TIME)];
  assert.deepEqual(left.map(bytes), right.map(bytes), `entries differ (twin first): ${where}`);
  for (const key of keys) {
    const [twin, lua] = [await memory.ttlMs(key, ANY_TIME), await server.ttlMs(key, ANY_TIME)];
    const same = twin === lua || Math.abs((twin ?? -Infinity) - (lua ?? -Infinity)) < TTL_SLACK_MS;
    assert.ok(same, `expiry differs (twin ${twin}, Lua ${lua}): ${where}`);
  }
}
