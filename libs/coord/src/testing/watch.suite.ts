import assert from 'node:assert/strict';
import { eventually } from '@infra-kit/kernel/testing';
import { changesIn, type SuiteTest } from './suite-target.js';

const WITHIN = { withinMs: 10_000 };

export const watchTests: Readonly<Record<string, SuiteTest>> = {
  'a watch tells past changes from its revision on, then new ones, in order, each once': async (bench) => {
    const since = await bench.put('before');
    await bench.put('a', '1');
    await bench.put('a', '2');
    const { signals } = bench.watch({ prefix: bench.root }, since + 1n);
    await eventually(() => assert.equal(changesIn(bench, signals, since).length, 2), WITHIN);
    await bench.do({ kind: 'delete', key: bench.key('a') });
    await eventually(
      () => assert.deepEqual(changesIn(bench, signals, since), ['1 put a=1', '2 put a=2', '3 delete a']),
      WITHIN,
    );
    assert.equal(signals[0]?.type, 'attached');
  },

  'changes of one transaction come together': async (bench) => {
    const since = await bench.put('b');
    const { signals } = bench.watch({ prefix: bench.root }, since + 1n);
    await bench.do(
      { kind: 'put', key: bench.key('a'), value: '1' },
      { kind: 'delete', key: bench.key('b') },
      { kind: 'put', key: bench.key('c'), value: '3' },
    );
    await eventually(
      () => assert.deepEqual(changesIn(bench, signals, since), ['1 put a=1, delete b, put c=3']),
      WITHIN,
    );
  },

  'a watch of one key tells of no other': async (bench) => {
    const since = await bench.put('a', '0');
    const { signals } = bench.watch({ key: bench.key('a') }, since + 1n);
    await bench.put('ab');
    await bench.put('a', '1');
    await eventually(() => assert.deepEqual(changesIn(bench, signals, since), ['2 put a=1']), WITHIN);
  },

  'an event carries the key with all its revisions': async (bench) => {
    const since = await bench.put('a', '0');
    const { signals } = bench.watch({ key: bench.key('a') }, since + 1n);
    const revision = await bench.put('a', '1');
    await eventually(() => {
      const told = signals.find((signal) => signal.type === 'changes');
      assert.deepEqual(told?.events, [
        {
          type: 'put',
          kv: {
            key: bench.key('a'),
            value: '1',
            createRevision: since,
            modRevision: revision,
            version: 2n,
            lease: undefined,
          },
        },
      ]);
    }, WITHIN);
  },

  'a watch that is ended tells nothing more': async (bench) => {
    const since = await bench.put('a');
    const ended = bench.watch({ prefix: bench.root }, since + 1n);
    const other = bench.watch({ prefix: bench.root }, since + 1n);
    await bench.put('a', '1');
    await eventually(() => assert.equal(changesIn(bench, ended.signals, since).length, 1), WITHIN);
    ended.watch[Symbol.dispose]();
    await bench.put('a', '2');
    await eventually(() => assert.equal(changesIn(bench, other.signals, since).length, 2), WITHIN);
    assert.equal(changesIn(bench, ended.signals, since).length, 1);
  },

  'a watch from a compacted revision says so and ends': async (bench) => {
    const since = await bench.put('a', '0');
    await bench.put('a', '1');
    const last = await bench.put('a', '2');
    await bench.target.compact(last);
    const { signals } = bench.watch({ prefix: bench.root }, since + 1n);
    await eventually(
      () => assert.deepEqual(signals.at(-1), { type: 'compacted', compactRevision: last }),
      WITHIN,
    );
    assert.equal((await bench.get('a'))?.value, '2');
  },

  '1,000 quick changes arrive all, in order': async (bench) => {
    const since = await bench.put('a', '0');
    const { signals } = bench.watch({ key: bench.key('a') }, since + 1n);
    await Promise.all(Array.from({ length: 1000 }, (_, index) => bench.put('a', `${index}`)));
    await eventually(() => assert.equal(changesIn(bench, signals, since).length, 1000), WITHIN);
    const revisions = signals.flatMap((signal) => (signal.type === 'changes' ? [signal.revision] : []));
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => Number(a - b)),
    );
    assert.equal(new Set(revisions).size, 1000);
  },
};
