import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { createDb, type DbProvider } from '@infra-kit/db';
import { eventually, seededRandom } from '@infra-kit/kernel/testing';
import type { OutboxProvider } from '@infra-kit/outbox';
import { uniqueName } from '@infra-kit/testkit';
import { openPostgres, type Opened } from './fixtures/opened.js';

jest.setTimeout(120_000);

type Own = OutboxProvider & { readonly db: DbProvider };

let opened: Opened;
let outbox: Own;
let unordered: Own;
beforeAll(async () => {
  opened = await openPostgres();
  outbox = await opened.outbox();
  unordered = await opened.outbox({ orderPerKey: false });
  await opened.db.sql`create table commits (place serial, key text, value int)`;
});
afterAll(() => opened.close());

/** A transaction that stands still between the writing of its message and its COMMIT. */
async function held(
  { db, publish }: { db: DbProvider; publish: () => Promise<unknown> },
  last: () => Promise<unknown> = async () => undefined,
): Promise<{ commit: () => Promise<void> }> {
  const written = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const running = db.transaction(async () => {
    await publish();
    db.beforeCommit(async () => {
      await last();
      written.resolve();
      await goOn.promise;
    }, 'after the messages');
  });
  await Promise.race([written.promise, running]);
  return {
    commit: () => {
      goOn.resolve();
      return running;
    },
  };
}

const publishing = (box: Own, topic: string, key: string, value: unknown) => ({
  db: box.db,
  publish: () => box.publish(topic, { key, value }),
});

describe('a transaction that commits late behind a higher place', () => {
  it('is not skipped; control: who reads from the last place on loses it', async () => {
    const topic = uniqueName('adversarial');
    const seen = await opened.seen(topic);
    const found: unknown[] = [];
    let last = 0;
    const naively = async (): Promise<void> => {
      const rows = await opened.db.sql<{ seq: string; value: string }>`
        select seq, payload::text as value from infra_outbox where topic = ${topic} and seq > ${last} order by seq`;
      for (const { seq, value } of rows) {
        found.push(JSON.parse(value));
        last = Number(seq);
      }
    };
    const slow = await held(publishing(outbox, topic, 'a', 'late'));
    await outbox.db.transaction(() => outbox.publish(topic, { key: 'b', value: 'early' }));
    await naively();
    expect(await outbox.relayOnce()).toBe(1);
    await slow.commit();
    await naively();
    expect(await outbox.relayOnce()).toBe(1);
    await eventually(() => expect(seen.map(({ value }) => value)).toEqual(['early', 'late']));
    expect(found).toEqual(['early']);
  });
});

describe('two transactions that publish for one key', () => {
  it('commit one after the other, and their messages come in that order', async () => {
    const topic = uniqueName('one-key');
    const seen = await opened.seen(topic);
    const first = await held(publishing(outbox, topic, 'k', 1));
    let ended = false;
    const second = outbox.db
      .transaction(() => outbox.publish(topic, { key: 'k', value: 2 }))
      .finally(() => (ended = true));
    await outbox.db.transaction(() => outbox.publish(topic, { key: 'other', value: 'free' }));
    const waiting = await eventually(async () => {
      const rows = await opened.db
        .sql`select 1 as one from pg_locks where locktype = 'advisory' and not granted`;
      expect(rows).toHaveLength(1);
      return !ended;
    });
    expect(waiting).toBe(true);
    await first.commit();
    await second;
    expect(await outbox.relayOnce()).toBe(3);
    await eventually(() => expect(seen).toHaveLength(3));
    expect(seen.filter(({ key }) => key === 'k').map(({ value }) => value)).toEqual([1, 2]);
  });

  it('control: without orderPerKey the second commits first, and comes second', async () => {
    const topic = uniqueName('no-order');
    const seen = await opened.seen(topic);
    const first = await held(publishing(unordered, topic, 'k', 'committed second'));
    await unordered.db.transaction(() => unordered.publish(topic, { key: 'k', value: 'committed first' }));
    await first.commit();
    expect(await unordered.relayOnce()).toBe(2);
    await eventually(() =>
      expect(seen.map(({ value }) => value)).toEqual(['committed second', 'committed first']),
    );
  });

  it('and for several at once, in whatever order, never wait for each other in a circle', async () => {
    const topic = uniqueName('circle');
    while ((await outbox.relayOnce()) > 0);
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const work = Array.from({ length: 40 }, (_, index) =>
      outbox.db.transaction(
        () =>
          outbox.publishAll(
            (index % 2 === 0 ? keys : keys.toReversed()).map((key) => ({ topic, key, value: index })),
          ),
        { retries: 0 },
      ),
    );
    await Promise.all(work);
    expect(await outbox.relayOnce(1000)).toBe(200);
  });
});

it('nine writers of five keys, in any order of commits, some rolled back: nothing is lost, doubled or out of order', async () => {
  const random = seededRandom();
  const topic = uniqueName('writers');
  const seen = await opened.seen(topic);
  const relay = await opened.outbox();
  await relay.start();
  const failure = new Error('rolled back');
  let value = 0;
  const write = async (): Promise<void> => {
    for (let turn = 0; turn < 40; turn++) {
      const key = `key-${random.int(0, 4)}`;
      const mine = value++;
      const [restMs, fails] = [random.int(0, 8), random.int(0, 9) === 0];
      const running = outbox.db.transaction(async () => {
        await outbox.publish(topic, { key, value: mine });
        outbox.db.beforeCommit(async () => {
          // behind the lock of the key: in the order of the commits
          await outbox.db.sql`insert into commits (key, value) values (${key}, ${mine})`;
          await outbox.db.sql`select pg_sleep(${restMs / 1000}::float8)`;
          if (fails) throw failure;
        }, 'noted');
      });
      await running.catch((error: unknown) => expect(error).toBe(failure));
    }
  };
  await Promise.all(Array.from({ length: 9 }, write));
  const commits = await opened.db.sql<{
    key: string;
    value: number;
  }>`select key, value from commits order by place`;
  await eventually(() => expect(seen).toHaveLength(commits.length), { withinMs: 60_000 });
  const byKey = (rows: readonly { key: unknown; value: unknown }[]) =>
    Object.fromEntries(
      [0, 1, 2, 3, 4].map((each) => [
        each,
        rows.filter(({ key }) => key === `key-${each}`).map((row) => row.value),
      ]),
    );
  expect(byKey(seen)).toEqual(byKey(commits));
  expect(commits.length).toBeLessThan(360);
});

it('a transaction of a shard has no outbox: publishing there is refused', async () => {
  const Order = defineEntity({
    name: 'ShardedOrder',
    properties: { id: p.integer().primary(), user: p.integer() },
  });
  const sharding = { tables: { sharded_order: { key: 'user' } }, shards: 2 };
  const db = await createDb({ url: opened.url, entities: [Order], sharding }, { env: 'test' });
  const sharded = await opened.outbox({}, { db });
  const publish = (): Promise<string> => sharded.publish('t', { value: 1 });
  await expect(db.shards.of(7).transaction(publish)).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: expect.stringContaining('not one of a shard'),
  });
  await db.close();
});
