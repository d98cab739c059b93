import { describe, expect, it } from '@jest/globals';
import { InfraError } from '@infra-kit/kernel';
import type { IncomingMessage } from '@infra-kit/mq';
import { memoryMq } from './fixtures/memory-mq.js';

const group = 'g';

describe('a message that fails', () => {
  const boom = async (): Promise<void> => {
    throw new InfraError('UNAVAILABLE', 'not now');
  };

  it('with a fatal error is not tried again', async () => {
    const mq = await memoryMq();
    await mq.subscribe('fatal', boom, { group, retry: { attempts: 9, fatal: () => true } });
    await mq.send('fatal', { value: 1 });
    await mq.testing.drained(group);
    expect(await mq.deadLetters.list('fatal')).toMatchObject([
      { attempts: 1, error: { code: 'UNAVAILABLE' } },
    ]);
  });

  it('goes to the topic that was named for it', async () => {
    const mq = await memoryMq();
    await mq.subscribe('named', boom, { group, retry: { attempts: 1 }, deadLetter: 'graveyard' });
    await mq.send('named', { value: 1 });
    await mq.testing.drained(group);
    expect(await mq.admin.topics()).toEqual(['graveyard', 'named']);
    expect(await mq.deadLetters.list('named')).toMatchObject([{ topic: 'named', value: 1 }]);
    expect(await mq.deadLetters.discard('named')).toBe(1);
    expect(await mq.deadLetters.list('named')).toEqual([]);
  });

  it('holds up its key and no other: order per key is kept through retries', async () => {
    const mq = await memoryMq();
    const runs: string[] = [];
    const options = { group, concurrency: 4, retry: { attempts: 3, backoffMs: 20, jitter: 0 } };
    await mq.subscribe<string>(
      'lanes',
      async ({ value, attempt }) => {
        runs.push(`${value}#${attempt}`);
        if (value === 'a1' && attempt < 3) throw new Error('not yet');
      },
      options,
    );
    for (const value of ['a1', 'a2', 'b1', 'b2']) await mq.send('lanes', { key: value[0] ?? '', value });
    await mq.testing.drained(group);
    expect(runs.filter((run) => run.startsWith('a'))).toEqual(['a1#1', 'a1#2', 'a1#3', 'a2#1']);
    expect(runs.filter((run) => run.startsWith('b'))).toEqual(['b1#1', 'b2#1']);
    expect(runs.indexOf('b2#1')).toBeLessThan(runs.indexOf('a1#3'));
  });

  it('carries where it came from and why, under names that any Kafka client can read', async () => {
    const mq = await memoryMq();
    await mq.subscribe('named', boom, { group, retry: { attempts: 2, backoffMs: 1 } });
    await mq.send('named', { value: 1, headers: { tenant: 'a' } });
    await mq.testing.drained(group);
    const letters: IncomingMessage<Buffer>[] = [];
    const reader = { group: 'reader', fromBeginning: true, codec: 'raw' } as const;
    await mq.subscribe<Buffer>('named.dlq', async (letter) => void letters.push(letter), reader);
    await mq.testing.drained('reader');
    expect(letters.map(({ raw }) => raw.toString())).toEqual(['1']);
    expect(letters[0]?.headers).toEqual({
      tenant: 'a',
      traceparent: expect.any(String),
      'x-trace-id': expect.any(String),
      'x-dlq-topic': 'named',
      'x-dlq-partition': '0',
      'x-dlq-offset': '0',
      'x-dlq-group': group,
      'x-dlq-attempts': '2',
      'x-dlq-first-failed-at': expect.stringMatching(/^\d{4}-.*Z$/),
      'x-dlq-last-failed-at': expect.stringMatching(/^\d{4}-.*Z$/),
      'x-dlq-error-name': 'InfraError',
      'x-dlq-error-code': 'UNAVAILABLE',
      'x-dlq-error-message': 'not now',
    });
  });

  it('without dead letters is tried until it succeeds, and never committed before', async () => {
    const mq = await memoryMq();
    let tries = 0;
    const retry = { attempts: 2, backoffMs: 1, maxBackoffMs: 2 };
    const until = async (): Promise<void> => {
      if (++tries < 6) throw new Error('not yet');
    };
    await mq.subscribe('stubborn', until, { group, retry, deadLetter: false });
    await mq.send('stubborn', { value: 1 });
    await mq.testing.drained(group);
    expect(tries).toBe(6);
    expect(await mq.admin.topics()).toEqual(['stubborn']);
  });

  it('in a batch takes the batch with it, one that does not decode goes alone', async () => {
    const mq = await memoryMq();
    const raw = await mq.subscribeBatch<number>(
      'batch',
      async ({ messages }) => {
        if (messages.some(({ value }) => value === 3)) throw new Error('three');
      },
      { group, batchSize: 2, retry: { attempts: 2, backoffMs: 1 } },
    );
    raw.pause();
    for (const value of [1, 2, 3, 4]) await mq.send('batch', { value });
    raw.resume();
    await mq.testing.drained(group);
    const letters = await mq.deadLetters.list('batch');
    expect(letters.map(({ value, attempts }) => [value, attempts])).toEqual([
      [3, 2],
      [4, 2],
    ]);
  });
});

describe('a handler that throws what cannot even be read', () => {
  it('makes a dead letter all the same, and its partition goes on', async () => {
    const mq = await memoryMq();
    const seen: unknown[] = [];
    const unreadable = {
      get message(): never {
        throw new Error('not for you');
      },
      get code(): never {
        throw new Error('nor this');
      },
    };
    const handler = async ({ value }: { value: unknown }): Promise<void> => {
      seen.push(value);
      // oxlint-disable-next-line typescript/only-throw-error -- what applications do
      if (value === 'bad') throw unreadable;
    };
    await mq.subscribe('odd', handler, { group: 'g', retry: { attempts: 1 } });
    await mq.sendBatch('odd', [{ value: 'bad' }, { value: 'next' }]);
    await mq.testing.drained('g');
    expect(seen).toEqual(['bad', 'next']);
    expect(await mq.deadLetters.list('odd')).toMatchObject([{ value: 'bad', error: { name: 'object' } }]);
  });
});
