import { createDb } from '@infra-kit/db';
import { createMq } from '@infra-kit/mq';
import { createOutbox } from '@infra-kit/outbox';
import { launchPostgres } from '@infra-kit/testkit';
import { compare } from '@infra-kit/testkit/bench';

const server = await launchPostgres({ args: ['-c', 'fsync=on'] });
const db = await createDb({ url: server.url, slowQueryMs: 60_000 }, { env: 'test' });
const mq = await createMq({ driver: 'memory', maxRecordsPerPartition: 1000 }, { env: 'test' });
const BATCH = 200;
const BACKLOG = 200_000;
const payload = JSON.stringify({ order: 'x'.repeat(150) });
const outboxes = new Map<string, Awaited<ReturnType<typeof createOutbox>>>();

for (const [name, options] of Object.entries({
  relay: {},
  relay_forgetful: { retentionMs: 0 },
  relay_lanes: { leader: 'none' as const },
})) {
  const outbox = await createOutbox({ table: name, batchSize: BATCH, ...options }, { db, mq, env: 'test' });
  outboxes.set(name, outbox);
  await db.em().execute(
    `insert into ${name} (id, topic, key, slot, payload, headers)
      select gen_random_uuid(), 'bench', convert_to((n % 1000)::text, 'UTF8'), n % 1024, ?::json, '{"x-message-id":"m"}'
      from generate_series(1, ${BACKLOG}) n`,
    [payload],
  );
}
await db.sql`create table by_hand (id bigint generated always as identity primary key, key text, payload text)`;
await db.sql`insert into by_hand (key, payload) select n % 1000, ${payload} from generate_series(1, ${BACKLOG}::int) n`;
await db.sql`vacuum analyze`;

/** The least a relay can do: a queue, deleted from while it is sent from, one worker. */
async function byHand(): Promise<void> {
  await db.transaction(async () => {
    const rows = await db.sql<{ id: string; key: string; payload: string }>`
      with batch as (select id from by_hand order by id limit ${BATCH}::int for update skip locked)
      delete from by_hand using batch where by_hand.id = batch.id returning by_hand.*`;
    rows.sort((a, b) => Number(a.id) - Number(b.id));
    if (rows.length < BATCH) throw new Error('the backlog is used up: fewer rounds');
    await mq.sendBatch(
      'bench',
      rows.map((row) => ({ key: row.key, value: JSON.parse(row.payload) as unknown })),
    );
  });
}

const relaying = (name: string) => async () => {
  const sent = await outboxes.get(name)?.relayOnce();
  if (sent !== BATCH) throw new Error(`the backlog is used up (${sent}): fewer rounds`);
};

await compare({
  title: `outbox, a relay over a backlog of ${BACKLOG} messages, ${BATCH} at a time, mq in memory`,
  measure: 'throughput',
  baseline: { name: 'a queue by hand', run: byHand },
  subjects: [
    { name: 'the relay', run: relaying('relay') },
    { name: 'the relay, retentionMs: 0', run: relaying('relay_forgetful') },
    { name: "the relay, leader: 'none'", run: relaying('relay_lanes') },
  ],
});
for (const outbox of outboxes.values()) await outbox.close();
await mq.close();
await db.close();
await server.stop();
