import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { eventually, recordMetrics } from '@infra-kit/kernel/testing';
import { OUTBOX_METRICS } from '@infra-kit/outbox';
import { openPostgres, type Opened } from './fixtures/opened.js';

let opened: Opened;
beforeEach(async () => {
  opened = await openPostgres();
});
afterEach(() => opened.close());

it('tells of what was published, sent, refused and handled, and of what waits', async () => {
  using metrics = recordMetrics();
  const outbox = await opened.outbox({ maxAttempts: 1, batchSize: 10 });
  const tooLarge = 'x'.repeat(2_000_000);
  await outbox.db.transaction(() =>
    outbox.publishAll([
      { topic: 'good', value: 1 },
      { topic: 'bad', value: tooLarge },
      { topic: 'good', value: 2 },
    ]),
  );
  await outbox.db.transaction(() =>
    outbox.publish('later', { value: 3 }, { notBefore: Date.now() + 3_600_000 }),
  );
  await outbox.start();
  await eventually(async () =>
    expect(await outbox.stats()).toMatchObject({ pending: 1, parked: 1, sent: 2, failed: 1 }),
  );
  for (const _ of [1, 2]) await outbox.inbox.run('c', 'm', async () => undefined);

  const { published, sent, failed, handled, delay, pending, parked, oldestAge } = OUTBOX_METRICS;
  expect(metrics.sum(published, { outbox: 'default' })).toBe(4);
  expect(metrics.sum(sent, { topic: 'good' })).toBe(2);
  expect(metrics.sum(failed, { topic: 'bad', code: 'INVALID_ARGUMENT', parked: true })).toBe(1);
  expect([
    metrics.sum(handled, { consumer: 'c', outcome: 'ran' }),
    metrics.sum(handled, { outcome: 'repeated' }),
  ]).toEqual([1, 1]);
  expect(metrics.all.filter(({ name }) => name === delay)).toHaveLength(2);

  await eventually(async () => {
    const seen = metrics.collect();
    const of = (name: string) => seen.find((each) => each.name === name)?.value;
    await eventually(() => expect([of(pending), of(parked), of(oldestAge)]).toEqual([1, 1, 0]));
  });
  await outbox.close();
  expect(metrics.collect().filter(({ name }) => name.startsWith('infra.outbox'))).toEqual([]);
});

it('says once that messages are not sent, and once that they are again', async () => {
  const { logger } = opened;
  const outbox = await opened.outbox({ maxBackoffMs: 5 });
  await opened.db.sql`alter table infra_outbox rename to hidden`;
  await outbox.start();
  await eventually(async () => expect((await outbox.health()).status).toBe('down'));
  const said = (text: string): number =>
    logger.lines.filter(({ message }) => message.startsWith(text)).length;
  await eventually(() => expect(said('messages are not sent')).toBe(1));
  await opened.db.sql`alter table hidden rename to infra_outbox`;
  await eventually(() => expect(said('messages are sent again')).toBe(1));
  expect(said('messages are not sent')).toBe(1);
  expect((await outbox.health()).status).toBe('up');
});

it('a missing table is a sentence that says what to do', async () => {
  const outbox = await opened.outbox({ table: 'not_yet' });
  await opened.db.sql`drop table not_yet`;
  const publish = (): Promise<string> => outbox.db.transaction(() => outbox.publish('t', { value: 1 }));
  const refusal = { code: 'FAILED_PRECONDITION', message: expect.stringContaining('outbox.migrate()') };
  await expect(publish()).rejects.toMatchObject(refusal);
  await expect(outbox.stats()).rejects.toMatchObject(refusal);
  expect((await outbox.migrate()).length).toBeGreaterThan(1);
  expect(await outbox.migrate()).toEqual([]);
  await publish();
  expect(await outbox.relayOnce()).toBe(1);
});
