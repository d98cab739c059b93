import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InfraContext } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
import { MESSAGE_ID_HEADER, type OutboxProvider } from '@infra-kit/outbox';
import { uniqueName } from '@infra-kit/testkit';
import { openPostgres, type Opened } from './fixtures/opened.js';

let opened: Opened;
let outbox: OutboxProvider;
beforeAll(async () => {
  opened = await openPostgres();
  outbox = await opened.outbox();
  await opened.db.sql`create table orders (id text primary key)`;
});
afterAll(() => opened.close());

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const order = (id: string) => opened.db.sql`insert into orders values (${id})`;

describe('a message published inside a transaction', () => {
  it('is sent with its id, key, value, headers and trace once the transaction has committed', async () => {
    const topic = uniqueName('orders');
    const seen = await opened.seen(topic);
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const id = await InfraContext.run({ traceId }, () =>
      opened.db.transaction(async () => {
        await order(topic);
        const made = await outbox.publish(topic, {
          key: 'o-1',
          value: { total: 5, text: 'a\0b' },
          headers: { kind: 'created', bin: Buffer.from([0, 255]) },
        });
        return made;
      }),
    );
    expect(id).toMatch(UUID_V7);
    expect(await outbox.relayOnce()).toBe(1);
    await eventually(() => expect(seen).toHaveLength(1));
    expect(seen[0]).toMatchObject({
      key: 'o-1',
      value: { total: 5, text: 'a\0b' },
      headers: { [MESSAGE_ID_HEADER]: id, kind: 'created', 'x-trace-id': traceId },
      rawHeaders: { bin: Buffer.from([0, 255]) },
    });
    expect(await outbox.stats()).toMatchObject({ pending: 0, parked: 0 });
  });
});
