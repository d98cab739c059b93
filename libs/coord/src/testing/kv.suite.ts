import assert from 'node:assert/strict';
import { ANY_TIME, type Bench, type SuiteTest } from './suite-target.js';

const names = (bench: Bench, kvs: readonly { key: string }[]): string[] =>
  kvs.map(({ key }) => key.slice(bench.root.length + 1));

export const kvTests: Readonly<Record<string, SuiteTest>> = {
  'a key knows the revision that made it, the one that wrote it last, and how often it was written': async (
    bench,
  ) => {
    const made = await bench.put('a', '1');
    const last = await bench.put('a', '2');
    const { driver } = bench;
    const { kvs, revision, count } = await driver.range({ key: bench.key('a') }, ANY_TIME);
    assert.deepEqual(kvs, [
      {
        key: bench.key('a'),
        value: '2',
        createRevision: made,
        modRevision: last,
        version: 2n,
        lease: undefined,
      },
    ]);
    assert.ok(last > made && revision >= last);
    assert.equal(count, 1);
  },

  'a key that was deleted and made again begins anew': async (bench) => {
    await bench.put('a');
    const { results } = await bench.do({ kind: 'delete', key: bench.key('a') });
    assert.deepEqual(results, [{ kvs: [], deleted: 1 }]);
    assert.equal(await bench.get('a'), undefined);
    const made = await bench.put('a');
    const again = await bench.get('a');
    assert.deepEqual([again?.createRevision, again?.version], [made, 1n]);
  },

  'values come back as they went in': async (bench) => {
    for (const value of ['', '\0', '{"a":[1]}', 'grün 🌍', 'x'.repeat(100_000)]) {
      await bench.put('a', value);
      assert.equal((await bench.get('a'))?.value, value);
    }
  },

  'a prefix finds what begins with it, by key, and nothing beside it': async (bench) => {
    for (const name of ['p/b', 'p/a', 'p', 'p0', 'q/a', 'p/\u{1F30D}', 'p/\uFFFC']) await bench.put(name);
    const { kvs, count } = await bench.driver.range({ prefix: bench.key('p/') }, ANY_TIME);
    // as bytes: U+FFFC before U+1F30D
    assert.deepEqual(names(bench, kvs), ['p/a', 'p/b', 'p/\uFFFC', 'p/\u{1F30D}']);
    assert.equal(count, 4);
  },

  'a range can be ordered, limited, cut off at a revision, and read without values': async (bench) => {
    await bench.put('r/c');
    const middle = await bench.put('r/a');
    await bench.put('r/b');
    await bench.put('r/c');
    const prefix = bench.key('r/');
    const read = async (query: object): Promise<string[]> => {
      const { kvs } = await bench.driver.range({ prefix, ...query }, ANY_TIME);
      return names(bench, kvs);
    };
    assert.deepEqual(await read({ orderBy: 'create' }), ['r/c', 'r/a', 'r/b']);
    assert.deepEqual(await read({ orderBy: 'mod', descending: true }), ['r/c', 'r/b', 'r/a']);
    assert.deepEqual(await read({ descending: true, limit: 2 }), ['r/c', 'r/b']);
    assert.deepEqual(
      await read({ orderBy: 'create', descending: true, limit: 1, maxCreateRevision: middle }),
      ['r/a'],
    );
    const { kvs, count } = await bench.driver.range({ prefix, limit: 1, keysOnly: true }, ANY_TIME);
    assert.deepEqual([kvs.length, kvs[0]?.value, count], [1, '', 3]);
  },

  'all ops of a transaction bear one revision, and gets in it see the puts before them': async (bench) => {
    await bench.put('old');
    const { revision, succeeded, results } = await bench.do(
      { kind: 'put', key: bench.key('a'), value: '1' },
      { kind: 'put', key: bench.key('b'), value: '2' },
      { kind: 'get', key: bench.key('a') },
      { kind: 'delete', prefix: bench.key('old') },
    );
    assert.equal(succeeded, true);
    assert.deepEqual(
      results.map(({ kvs, deleted }) => [kvs.map(({ value }) => value), deleted]),
      [
        [[], 0],
        [[], 0],
        [['1'], 0],
        [[], 1],
      ],
    );
    assert.deepEqual(
      [(await bench.get('a'))?.modRevision, (await bench.get('b'))?.modRevision],
      [revision, revision],
    );
  },

  'a transaction that changes nothing uses up no revision': async (bench) => {
    const before = await bench.put('a');
    const { revision } = await bench.do({ kind: 'delete', key: bench.key('b') });
    assert.equal(revision, before);
  },

  'compares decide which branch is done': async (bench) => {
    const made = await bench.put('a', '1');
    const last = await bench.put('a', '2');
    const key = bench.key('a');
    const none = bench.key('none');
    const holding = [
      { key, target: 'create', is: '=', to: made },
      { key, target: 'create', is: '<', to: last },
      { key, target: 'mod', is: '=', to: last },
      { key, target: 'mod', is: '>', to: made },
      { key, target: 'mod', is: '!=', to: made },
      { key, target: 'version', is: '=', to: 2n },
      { key, target: 'value', is: '=', to: '2' },
      { key, target: 'value', is: '!=', to: '1' },
      { key: none, target: 'create', is: '=', to: 0n },
      { key: none, target: 'mod', is: '=', to: 0n },
      { prefix: none, target: 'create', is: '=', to: 0n },
      { prefix: bench.root, target: 'version', is: '=', to: 2n },
    ] as const;
    const failing = [
      { key, target: 'mod', is: '<', to: last },
      { key, target: 'value', is: '=', to: '1' },
      { key: none, target: 'value', is: '=', to: '' },
      { key: none, target: 'create', is: '>', to: 0n },
      { prefix: bench.root, target: 'create', is: '=', to: 0n },
    ] as const;
    const decide = async (compare: (typeof holding)[number] | (typeof failing)[number]): Promise<boolean> =>
      (await bench.driver.txn({ compare: [compare] }, ANY_TIME)).succeeded;
    for (const compare of holding) assert.equal(await decide(compare), true, String(compare.target));
    for (const compare of failing) assert.equal(await decide(compare), false, String(compare.target));
    const { succeeded, results } = await bench.driver.txn(
      {
        compare: [holding[0], failing[0]],
        success: [{ kind: 'put', key, value: '3' }],
        failure: [{ kind: 'get', key }],
      },
      ANY_TIME,
    );
    assert.equal(succeeded, false);
    assert.equal(results[0]?.kvs[0]?.value, '2');
    assert.equal((await bench.get('a'))?.value, '2');
  },

  'of many who make one key at once, one succeeds': async (bench) => {
    const key = bench.key('a');
    const tries = Array.from({ length: 20 }, (_, index) =>
      bench.driver.txn(
        {
          compare: [{ key, target: 'create', is: '=', to: 0n }],
          success: [{ kind: 'put', key, value: `${index}` }],
        },
        ANY_TIME,
      ),
    );
    const done = await Promise.all(tries);
    assert.equal(done.filter(({ succeeded }) => succeeded).length, 1);
  },

  'one key twice in a transaction is INVALID_ARGUMENT, and nothing is done': async (bench) => {
    const put = { kind: 'put', key: bench.key('a'), value: '1' } as const;
    await bench.rejects(
      'INVALID_ARGUMENT',
      bench.do({ kind: 'put', key: bench.key('b'), value: '1' }, put, put),
    );
    await bench.rejects('INVALID_ARGUMENT', bench.do(put, { kind: 'delete', prefix: bench.root }));
    assert.equal(await bench.get('b'), undefined);
  },

  'a call whose signal has aborted is not sent': async (bench) => {
    const call = { signal: AbortSignal.abort() };
    const ops = [{ kind: 'put', key: bench.key('a'), value: '1' } as const];
    await assert.rejects(bench.driver.txn({ success: ops }, call));
    assert.equal(await bench.get('a'), undefined);
  },

  'it pings': async (bench) => {
    await bench.driver.ping(ANY_TIME);
    assert.equal(bench.driver.state, 'up');
  },
};
