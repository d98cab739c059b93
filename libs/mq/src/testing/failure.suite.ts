import assert from 'node:assert/strict';
import { InfraContext } from '@infra-kit/kernel';
import type { IncomingMessage } from '../mq.messages.js';
import type { MqProvider } from '../mq.provider.js';
import { collect, soon, values, type SuiteTest } from './suite-target.js';

const RETRY = { attempts: 3, backoffMs: 20, jitter: 0 };

class Refused extends Error {
  override readonly name = 'Refused';
  readonly code = 'E_REFUSED';
}

const failing =
  (bad: (message: IncomingMessage<unknown>) => boolean) =>
  async (message: IncomingMessage<unknown>): Promise<void> => {
    if (bad(message)) throw new Refused(`no ${String(message.value)}`);
  };

async function letters(mq: MqProvider, topic: string, count: number): ReturnType<typeof mq.deadLetters.list> {
  return soon(async () => {
    const found = await mq.deadLetters.list(topic);
    assert.equal(found.length, count);
    return found;
  });
}

export const failureTests: Readonly<Record<string, SuiteTest>> = {
  'a message that fails is tried again in place, and those behind it wait': async (bench) => {
    const mq = await bench.mq();
    const options = { group: bench.group, retry: RETRY };
    const { seen } = await collect(
      mq,
      'again',
      options,
      failing(({ value, attempt }) => value === 'bad' && attempt < 3),
    );
    await mq.sendBatch('again', [{ value: 'bad' }, { value: 'next' }]);
    await soon(() =>
      assert.deepEqual(
        seen.map(({ value, attempt }) => [value, attempt]),
        [
          ['bad', 1],
          ['bad', 2],
          ['bad', 3],
          ['next', 1],
        ],
      ),
    );
  },

  'a poison message becomes a dead letter with its cause, and the partition goes on': async (bench) => {
    const mq = await bench.mq();
    const options = { group: bench.group, retry: RETRY };
    const { seen } = await collect(
      mq,
      'poison',
      options,
      failing(({ value }) => value === 'bad'),
    );
    const before = Date.now();
    await mq.sendBatch('poison', [
      { key: 'k', value: 'bad', headers: { tenant: 'a' } },
      { key: 'k', value: 'good' },
    ]);
    await soon(() => assert.equal(values(seen).at(-1), 'good'));
    const [letter] = await letters(mq, 'poison', 1);
    assert.ok(letter);
    const { firstFailedAt, lastFailedAt, id, headers, ...rest } = letter;
    assert.deepEqual(rest, {
      topic: 'poison',
      partition: 0,
      offset: 0n,
      key: 'k',
      value: 'bad',
      raw: Buffer.from('"bad"'),
      group: bench.group,
      attempts: 3,
      error: { name: 'Refused', code: 'E_REFUSED', message: 'no bad' },
    });
    assert.ok(id !== '');
    assert.equal(headers['tenant'], 'a');
    assert.ok(firstFailedAt.getTime() >= before && lastFailedAt > firstFailedAt);
  },

  'bytes that do not decode are a dead letter at once': async (bench) => {
    const mq = await bench.mq();
    const raw = await bench.mq({ codec: 'raw' });
    const { seen } = await collect(mq, 'garbled', { group: bench.group, retry: RETRY });
    await raw.send('garbled', { value: Buffer.from('{"half') });
    await raw.send('garbled', { value: '"whole"' });
    await soon(() => assert.deepEqual(values(seen), ['whole']));
    const [letter] = await letters(mq, 'garbled', 1);
    assert.deepEqual(
      [letter?.raw.toString(), letter?.value, letter?.attempts, letter?.error.code],
      ['{"half', undefined, 1, 'DATA_LOSS'],
    );
  },

  'with retry topics others pass, and the message comes back': async (bench) => {
    const mq = await bench.mq();
    const options = { group: bench.group, retry: { ...RETRY, backoffMs: 300, mode: 'topics' as const } };
    const { seen } = await collect(
      mq,
      'passing',
      options,
      failing(({ value, attempt }) => value === 'never' || (value === 'late' && attempt < 3)),
    );
    await mq.sendBatch('passing', [{ value: 'late' }, { value: 'never' }, { value: 'next' }]);
    await soon(() => assert.equal(seen.length, 7));
    assert.deepEqual(values(seen).slice(0, 3), ['late', 'never', 'next']);
    const late = seen.filter(({ value }) => value === 'late');
    assert.deepEqual(
      late.map(({ topic, partition, attempt }) => [topic, partition, attempt]),
      [1, 2, 3].map((attempt) => ['passing', 0, attempt]),
    );
    const [letter] = await letters(mq, 'passing', 1);
    assert.deepEqual(
      [letter?.topic, letter?.offset, letter?.attempts, letter?.value],
      ['passing', 1n, 3, 'never'],
    );
    assert.ok((await mq.admin.topics()).includes('passing.retry.1'));
  },

  'a redriven letter comes back to its topic, its count goes on, and it is listed no more': async (bench) => {
    const mq = await bench.mq();
    let healed = false;
    const options = { group: bench.group, retry: RETRY };
    const { seen } = await collect(
      mq,
      'redrive',
      options,
      failing(({ value }) => !healed && value !== 'good'),
    );
    await mq.sendBatch('redrive', [{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
    await letters(mq, 'redrive', 3);
    healed = true;
    seen.length = 0;
    assert.equal(
      await mq.deadLetters.redrive('redrive', { filter: ({ value }) => value !== 'b', limit: 1 }),
      1,
    );
    await soon(() => assert.deepEqual(values(seen), ['a']));
    assert.equal(seen[0]?.attempt, 4);
    assert.deepEqual(
      (await letters(mq, 'redrive', 2)).map(({ value }) => value),
      ['b', 'c'],
    );
    assert.equal(await mq.deadLetters.discard('redrive', { filter: ({ value }) => value === 'b' }), 1);
    const [left] = await letters(mq, 'redrive', 1);
    assert.equal(left?.value, 'c');
    assert.equal(await mq.deadLetters.redrive('redrive'), 1);
    await soon(() => assert.deepEqual(values(seen), ['a', 'c']));
    assert.deepEqual(await mq.deadLetters.list('redrive'), []);
  },

  'letters are listed in pages, oldest first': async (bench) => {
    const mq = await bench.mq();
    const options = { group: bench.group, retry: { attempts: 1 } };
    await collect(
      mq,
      'pages',
      options,
      failing(() => true),
    );
    await mq.sendBatch(
      'pages',
      [1, 2, 3, 4, 5].map((value) => ({ value })),
    );
    const all = await letters(mq, 'pages', 5);
    const first = await mq.deadLetters.list('pages', { limit: 2 });
    const second = await mq.deadLetters.list('pages', { limit: 2, after: first[1]?.id });
    assert.deepEqual(
      [...first, ...second].map(({ value }) => value),
      [1, 2, 3, 4],
    );
    assert.deepEqual(await mq.deadLetters.list('pages', { after: all[4]?.id }), []);
  },

  'the trace is one from sender to handler, through retries and a redrive': async (bench) => {
    const mq = await bench.mq();
    const traces: unknown[] = [];
    let healed = false;
    const options = { group: bench.group, retry: { ...RETRY, attempts: 2, mode: 'topics' as const } };
    await collect(mq, 'traced', options, async ({ headers }, context) => {
      traces.push([InfraContext.traceId(), context.traceId, headers['x-trace-id']]);
      if (!healed) throw new Refused('not yet');
    });
    const traceId = 'ab'.repeat(16);
    await InfraContext.run({ traceId }, () => mq.send('traced', { value: 1 }));
    await letters(mq, 'traced', 1);
    healed = true;
    await mq.deadLetters.redrive('traced');
    await soon(() => assert.deepEqual(traces, Array(3).fill([traceId, traceId, traceId])));
  },
};
