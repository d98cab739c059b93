import assert from 'node:assert/strict';
import { defineScript } from '../scripts/atomic-script.js';
import { isCode, type SuiteTest } from './suite-target.js';

const addIfBelow = defineScript({
  name: 'suite-add-if-below',
  lua: `local now = tonumber(redis.call('GET', KEYS[1]) or '0')
if now >= tonumber(ARGV[1]) then return false end
redis.call('SET', KEYS[1], tostring(now + 1), 'PX', ARGV[2])
return now + 1`,
  twin: (view, [key = ''], [bound, ttlMs]) => {
    const now = Number(view.get(key) ?? '0');
    if (now >= Number(bound)) return null;
    view.set(key, String(now + 1), { ttlMs: Number(ttlMs) });
    return now + 1;
  },
  decode: (reply) => (typeof reply === 'number' ? reply : undefined),
});

const shapes = defineScript({
  name: 'suite-shapes',
  lua: `return {1.9, -1.9, -0.5, 'ä', {ARGV[1], {}}, false, KEYS[1] == ARGV[2]}`,
  twin: (_view, [key], [first = '', second]) => [
    1.9,
    -1.9,
    -0.5,
    'ä',
    [first, []],
    null,
    key === second ? 1 : null,
  ],
  decode: (reply) => reply,
});

const scripted =
  (test: SuiteTest): SuiteTest =>
  async (bench) => {
    if (bench.driver.capabilities.scripts) return test(bench);
    return assert.rejects(bench.cache.scripts.run(shapes, [], []), isCode('UNIMPLEMENTED'));
  };

export const scriptTests: Readonly<Record<string, SuiteTest>> = {
  'runs a script as one step, whoever else calls': scripted(async ({ cache, key }) => {
    const run = (): Promise<number | undefined> => cache.scripts.run(addIfBelow, [key('n')], [10, 60_000]);
    const sums = await Promise.all(Array.from({ length: 30 }, run));
    const got = sums.filter((sum) => sum !== undefined);
    assert.deepEqual(
      got.toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    const left = await cache.ttlMs(key('n'));
    assert.ok(left !== undefined && left > 0 && left <= 60_000);
  }),

  'gives replies as Redis does: whole numbers, texts, lists, null': scripted(
    async ({ cache, key, stored }) => {
      assert.deepEqual(await cache.scripts.run(shapes, [key('k')], ['x', stored(key('k'))]), [
        1,
        -1,
        0,
        'ä',
        ['x', []],
        null,
        1,
      ]);
    },
  ),

  'puts the prefix before script keys, in namespaces too': scripted(async ({ cache, key }) => {
    await cache.namespace(key('ns:')).scripts.run(addIfBelow, ['n'], [5, 60_000]);
    assert.equal(await cache.get(`${key('ns:')}n`), 1);
  }),

  'refuses arguments that are neither texts nor numbers': scripted(async ({ cache, key }) => {
    for (const args of [[Number.NaN], [Infinity], [true], [undefined]] as unknown as number[][])
      await assert.rejects(cache.scripts.run(addIfBelow, [key('n')], args), isCode('INVALID_ARGUMENT'));
    await assert.rejects(cache.scripts.run(addIfBelow, [''], []), isCode('INVALID_ARGUMENT'));
  }),
};
