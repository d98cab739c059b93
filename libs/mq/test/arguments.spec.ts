import { describe, expect, it } from '@jest/globals';
import type { DeadLetterSelection, SubscribeOptions } from '@infra-kit/mq';
import { memoryMq } from './fixtures/memory-mq.js';

/** As a caller without types has it. */
const untyped = <T>(value: unknown): T => value as T;

describe('subscribe refuses, and names the field and what would do', () => {
  it.each([
    [{ group: '' }, /group must be a name, got ""/],
    [{ concurrency: 0 }, /concurrency must be a whole number ≥ 1, got 0/],
    [{ maxInFlight: 1.5 }, /maxInFlight must be a whole number ≥ 1, got 1.5/],
    [{ handlerTimeoutMs: '5s' }, /handlerTimeoutMs must be a whole number ≥ 1, got "5s"/],
    [{ fromBeginning: 'yes' }, /fromBeginning must be true or false, got "yes"/],
    [{ autoCommit: 0 }, /autoCommit must be true or false, got 0/],
    [{ deadLetter: 5 }, /deadLetter must be true, false or a topic's name, got 5/],
    [{ deadLetter: 't' }, /t cannot be its own dead-letter topic/],
    [{ codec: 'xml' }, /codec must be 'json', 'raw' or an object with encode and decode, got "xml"/],
    [{ codec: { name: 'half', encode: () => Buffer.alloc(0) } }, /codec must be .* got an object/],
    [{ schema: {} }, /schema must be a class, got an object/],
    [{ retry: 5 }, /retry must be an object, got 5/],
    [{ retry: { attempts: 0 } }, /retry.attempts must be 1 to 1000, got 0/],
    [{ retry: { jitter: 2 } }, /retry.jitter must be 0 to 1, got 2/],
    [{ retry: { mode: 'later' } }, /retry.mode must be 'in-place' or 'topics', got "later"/],
    [{ retry: { fatal: true } }, /retry.fatal must be a function, got true/],
  ])('%j', async (options, message) => {
    const mq = await memoryMq();
    const subscribing = mq.subscribe('t', async () => undefined, {
      group: 'g',
      ...untyped<Partial<SubscribeOptions>>(options),
    });
    await expect(subscribing).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    expect(await mq.admin.topics()).toEqual([]);
  });
});

describe('an operator', () => {
  it('is told of a filter that is no function, and of a group without a name', async () => {
    const mq = await memoryMq();
    const selection = untyped<DeadLetterSelection>({ filter: 'all' });
    for (const call of [mq.deadLetters.redrive('t', selection), mq.deadLetters.discard('t', selection)])
      await expect(call).rejects.toThrow(/filter must be a function, got "all"/);
    await expect(mq.testing.drained('')).rejects.toThrow(/group must be a name, got ""/);
    await expect(mq.admin.lag('')).rejects.toThrow(/group must be a name, got ""/);
  });
});

describe('a subscription', () => {
  it('is asked nothing any more after the close of its mq', async () => {
    const mq = await memoryMq();
    const subscription = await mq.subscribe('t', async () => undefined, { group: 'g' });
    await mq.close();
    const closed = { code: 'FAILED_PRECONDITION' };
    await expect(subscription.lag()).rejects.toMatchObject(closed);
    await expect(subscription.seek('t', 0, 0n)).rejects.toMatchObject(closed);
    await expect(subscription.commit()).rejects.toMatchObject(closed);
  });
});
