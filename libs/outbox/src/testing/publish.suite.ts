import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { InfraContext } from '@infra-kit/kernel';
import { MESSAGE_ID_HEADER } from '../publish/message-row.js';
import { inTheEnd, isCode, values, type SuiteCase } from './suite-target.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

export const publishCases: Readonly<Record<string, SuiteCase>> = {
  'a message is sent with its id, key, value, headers and the trace of its publisher': {
    test: async ({ db, outbox, topic, seen }) => {
      const messages = await seen();
      const bytes = Buffer.from([0, 255, 128]);
      const id = await InfraContext.run({ traceId: TRACE_ID, timeoutMs: 60_000 }, () =>
        db.transaction(() =>
          outbox.publish(topic, {
            key: 'ключ',
            value: { text: 'a\0b\ud800', big: 1e21, none: null },
            headers: { kind: 'made\0', bytes },
          }),
        ),
      );
      match(id, UUID_V7);
      equal(await outbox.relayOnce(), 1);
      await inTheEnd(() => messages.length, 1);
      const [message] = messages;
      deepEqual([message?.key, message?.value], ['ключ', { text: 'a\0b\ud800', big: 1e21, none: null }]);
      deepEqual(message?.headers[MESSAGE_ID_HEADER], id);
      deepEqual([message?.headers['kind'], message?.rawHeaders['bytes']], ['made\0', bytes]);
      equal(message?.headers['x-trace-id'], TRACE_ID);
      match(message?.headers['traceparent'] ?? '', new RegExp(`^00-${TRACE_ID}-`));
      equal(message?.headers['x-deadline-ms'], undefined);
    },
  },
  'tombstones, keys of bytes, partitions and timestamps are kept': {
    test: async ({ db, outbox, topic, seen }) => {
      const messages = await seen();
      const key = Buffer.from([255, 0]);
      await db.transaction(() =>
        outbox.publish(topic, { key, value: null, partition: 0, timestamp: 1_700_000_000_000 }),
      );
      await outbox.relayOnce();
      await inTheEnd(() => messages.length, 1);
      const [message] = messages;
      deepEqual([message?.key, message?.value, message?.partition], [key, null, 0]);
      equal(message?.timestamp, 1_700_000_000_000);
    },
  },
  'what a transaction takes back is not sent, and neither is what a savepoint takes back': {
    test: async ({ db, outbox, topic, publish, rows }) => {
      const failure = new Error('no');
      await rejects(
        db.transaction(async () => {
          await outbox.publish(topic, { value: 'lost' });
          throw failure;
        }),
        (error) => error === failure,
      );
      await db.transaction(async () => {
        await outbox.publish(topic, { value: 'kept' });
        await db
          .transaction(
            async () => {
              await outbox.publish(topic, { value: 'lost' });
              throw failure;
            },
            { propagation: 'nested' },
          )
          .catch(() => undefined);
      });
      equal(await rows(), 1);
      await publish('second');
      equal(await outbox.relayOnce(), 2);
    },
  },
  'the messages of a transaction come in order, those of publishAll too': {
    test: async ({ db, outbox, topic, seen }) => {
      const messages = await seen();
      const ids = await db.transaction(async () => {
        const first = await outbox.publish(topic, { value: 0 });
        const more = await outbox.publishAll([1, 2, 3].map((value) => ({ topic, key: 'k', value })));
        return [first, ...more];
      });
      await outbox.relayOnce();
      await inTheEnd(() => values(messages), [0, 1, 2, 3]);
      deepEqual(
        messages.map(({ headers }) => headers[MESSAGE_ID_HEADER]),
        ids,
      );
      deepEqual(await outbox.publishAll([]), []);
    },
  },
  'publishing outside of a transaction, and in one that only reads, is refused': {
    test: async ({ db, outbox, topic }) => {
      const publish = (): Promise<string> => outbox.publish(topic, { value: 1 });
      await rejects(publish(), isCode('FAILED_PRECONDITION'));
      await rejects(db.transaction(publish, { readOnly: true }), isCode('FAILED_PRECONDITION'));
    },
  },
  'a bad message is refused by name before anything has happened': {
    test: async ({ db, outbox, topic, rows }) => {
      const circle: Record<string, unknown> = {};
      circle['self'] = circle;
      const bad: [unknown, unknown, RegExp][] = [
        ['a topic', { value: 1 }, /topic .* got "a topic"/],
        [topic, undefined, /message must be an object|value/],
        [topic, { value: undefined }, /value: JSON has no undefined/],
        [topic, { value: circle }, /value: JSON cannot write/],
        [topic, { value: 1, key: 7 }, /key must be/],
        [topic, { value: 1, headers: { a: 7 } }, /headers\.a must be/],
        [topic, { value: 1, headers: { [MESSAGE_ID_HEADER]: 'mine' } }, /x-message-id/],
        [topic, { value: 1, partition: -1 }, /partition must be/],
        [topic, { value: 1, notBefore: 'soon' }, /notBefore must be/],
      ];
      for (const [name, message, sentence] of bad)
        await db.transaction(async () => {
          const all = [{ topic, value: 'good' }, Object.assign({ topic: name }, message)];
          await rejects(outbox.publishAll(all as never), (error: Error) => {
            match(error.message, sentence);
            return isCode('INVALID_ARGUMENT')(error);
          });
        });
      equal(await rows(), 0);
    },
  },
  'a message is not sent before its time, and those of its key do not wait for it': {
    test: async ({ db, outbox, topic, seen }) => {
      const messages = await seen();
      const soon = Date.now() + 700;
      await db.transaction(async () => {
        await outbox.publish(topic, { key: 'k', value: 'later' }, { notBefore: new Date(soon) });
        await outbox.publishAll([
          { topic, key: 'k', value: 'now' },
          { topic, key: 'k', value: 'tomorrow', notBefore: soon + 86_400_000 },
        ]);
      });
      equal(await outbox.relayOnce(), 1);
      await inTheEnd(() => values(messages), ['now']);
      equal((await outbox.stats()).pending, 2);
      await inTheEnd(async () => {
        await outbox.relayOnce();
        return values(messages);
      }, ['now', 'later']);
      equal((await outbox.stats()).pending, 1);
    },
  },
};
