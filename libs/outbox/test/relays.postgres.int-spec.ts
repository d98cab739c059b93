import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createCoord } from '@infra-kit/coord';
import { createDb, type DbProvider } from '@infra-kit/db';
import type { Lock, LockService } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import type { IncomingMessage } from '@infra-kit/mq';
import { type OutboxOptions, type OutboxProvider } from '@infra-kit/outbox';
import { openPostgres, type Opened } from './fixtures/opened.js';

jest.setTimeout(120_000);
const PATIENT = { withinMs: 60_000 };

type Own = OutboxProvider & { readonly db: DbProvider };

let opened: Opened;
let seen: IncomingMessage<unknown>[];
beforeEach(async () => {
  opened = await openPostgres();
  seen = await opened.seen('events');
});
afterEach(() => opened.close());

const KEYS = 7;
const numbers = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index);

async function fill(outbox: Own, from: number, count: number): Promise<void> {
  const all = numbers(from, count).map((value) => ({ topic: 'events', key: `key-${value % KEYS}`, value }));
  for (let at = 0; at < all.length; at += 50)
    await outbox.db.transaction(() => outbox.publishAll(all.slice(at, at + 50)));
}

function expectOrder(count: number): void {
  const values = seen.map(({ value }) => Number(value));
  expect(values.toSorted((a, b) => a - b)).toEqual(numbers(0, count));
  for (let key = 0; key < KEYS; key++) {
    const own = values.filter((value) => value % KEYS === key);
    expect(own).toEqual(own.toSorted((a, b) => a - b));
  }
}

const relayOf = async (outbox: OutboxProvider): Promise<unknown> => (await outbox.health()).detail['relay'];
const sentBy = async (outbox: OutboxProvider): Promise<number> => (await outbox.stats()).sent;

async function two(options: OutboxOptions = {}, deps: object = {}): Promise<[Own, Own]> {
  const both: [Own, Own] = [await opened.outbox(options, deps), await opened.outbox(options, deps)];
  for (const each of both) await each.start();
  return both;
}

describe("two relays with leader 'advisory-lock'", () => {
  it('one sends; when its session ends the other goes on, and nothing is lost or out of order', async () => {
    const [first, second] = await two({ batchSize: 20 });
    await eventually(
      async () =>
        expect(new Set([await relayOf(first), await relayOf(second)])).toEqual(
          new Set(['leading', 'waiting']),
        ),
      PATIENT,
    );
    await fill(first, 0, 300);
    await eventually(() => expect(seen.length).toBeGreaterThanOrEqual(300), PATIENT);
    expectOrder(300);
    const [leader, other] = (await relayOf(first)) === 'leading' ? [first, second] : [second, first];
    expect([await sentBy(leader), await sentBy(other)]).toEqual([300, 0]);
    await leader.stop();
    await eventually(async () => expect(await relayOf(other)).toBe('leading'), PATIENT);
    await fill(first, 300, 100);
    await eventually(() => expect(seen).toHaveLength(400), PATIENT);
    expectOrder(400);
  });

  it('a leader whose connection dies leads no more until it has the lock again', async () => {
    const [first, second] = await two();
    await fill(first, 0, 50);
    await eventually(() => expect(seen).toHaveLength(50), PATIENT);
    await opened.db.sql`select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and objsubid = 2 and granted and database = (select oid from pg_database where datname = current_database())`;
    await fill(second, 50, 50);
    await eventually(() => expect(seen).toHaveLength(100), PATIENT);
    expectOrder(100);
    await eventually(
      async () =>
        expect(new Set([await relayOf(first), await relayOf(second)])).toEqual(
          new Set(['leading', 'waiting']),
        ),
      PATIENT,
    );
  });

  it('a pass by hand beside a leader sends nothing', async () => {
    const [first] = await two();
    await fill(first, 0, 7);
    await eventually(() => expect(seen).toHaveLength(7), PATIENT);
    const third = await opened.outbox();
    expect(await third.relayOnce()).toBe(0);
  });
});

describe("two relays with leader 'none'", () => {
  it('both send, each message once, in the order of its key', async () => {
    const options: OutboxOptions = { leader: 'none', batchSize: 10, lanes: 16 };
    const first = await opened.outbox(options);
    const second = await opened.outbox(options);
    await fill(first, 0, 2000);
    for (const each of [first, second]) await each.start();
    await eventually(() => expect(seen.length).toBeGreaterThanOrEqual(2000), PATIENT);
    expectOrder(2000);
    const shares = [await sentBy(first), await sentBy(second)];
    expect(Math.min(...shares)).toBeGreaterThan(0);
    expect(shares[0]).toBe(2000 - (shares[1] ?? 0));
  });
});

describe("two relays with leader 'coord'", () => {
  it('the holder of the lock sends, and gives it on when it stops', async () => {
    const coord = await createCoord({ driver: 'memory' }, { env: 'test' });
    const [first, second] = await two({ leader: 'coord' }, { coord });
    await fill(first, 0, 100);
    await eventually(() => expect(seen).toHaveLength(100), PATIENT);
    const [leader, other] = (await relayOf(first)) === 'leading' ? [first, second] : [second, first];
    expect([await sentBy(leader), await sentBy(other)]).toEqual([100, 0]);
    await leader.stop();
    await eventually(async () => expect(await relayOf(other)).toBe('leading'), PATIENT);
    await fill(first, 100, 100);
    await eventually(() => expect(seen).toHaveLength(200), PATIENT);
    expectOrder(200);
    await coord.close();
  });

  it('control: a lock that everybody gets lets messages be sent twice', async () => {
    const lock = { remainingMs: () => 1000, release: async () => undefined } as Lock;
    const locks = { tryAcquire: async () => lock } as unknown as LockService;
    const options: OutboxOptions = { leader: 'coord', batchSize: 50, pollIntervalMs: 1 };
    const first = await opened.outbox(options, { coord: { locks } });
    const second = await opened.outbox(options, { coord: { locks } });
    await fill(first, 0, 2000);
    for (const each of [first, second]) await each.start();
    await eventually(async () => expect((await first.stats()).pending).toBe(0), PATIENT);
    expect((await sentBy(first)) + (await sentBy(second))).toBeGreaterThan(2000);
  });
});

describe('with notify', () => {
  it('a commit of another process wakes a relay that rests; without, it rests on', async () => {
    const day = { pollIntervalMs: 86_400_000 };
    const relay = await opened.outbox({ ...day, notify: true });
    await relay.start();
    await eventually(async () => expect(await relayOf(relay)).toBe('leading'), PATIENT);
    const [silent, loud] = [await opened.outbox(day), await opened.outbox({ ...day, notify: true })];
    await fill(silent, 0, 7);
    expect((await relay.stats()).pending).toBe(7);
    await fill(loud, 7, 7);
    await eventually(() => expect(seen).toHaveLength(14), PATIENT);
    expectOrder(14);
  });
});

it('a relay needs a second connection in the pool of its database, and says so', async () => {
  const narrow = await createDb({ url: opened.url, autoMigrate: false, pool: { max: 1 } }, { env: 'test' });
  await opened.outbox(); // makes the tables
  const outbox = await opened.outbox({}, { db: narrow });
  await expect(outbox.relayOnce()).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: expect.stringContaining('pool.max'),
  });
  await narrow.close();
});
