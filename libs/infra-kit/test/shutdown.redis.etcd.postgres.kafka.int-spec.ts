import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createDatabase,
  freePort,
  sharedEtcd,
  sharedKafka,
  sharedRedis,
  uniqueName,
  type OwnDatabase,
} from '@infra-kit/testkit';
import { eventually } from '@infra-kit/kernel/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createCoord,
  createDb,
  createMq,
  createOutbox,
  type CoordProvider,
  type DbProvider,
} from '../src/index.js';
import { grpcBalancer, load, logged, naiveBalancer, startInstance, type Instance } from './fleet.js';
import { SHOP_PROTO } from './grpc-shop.js';

const PATIENT = { withinMs: 60_000 };
/** A busy machine answers late: time is not the point here. */
const PATIENT_COORD = { dialTimeoutMs: 30_000, requestTimeoutMs: 30_000 };
const ENOUGH = 10;

const folder = mkdtempSync(join(tmpdir(), 'infra-kit-fleet-'));
const running: Instance[] = [];
let database: OwnDatabase;
let db: DbProvider;
let coord: CoordProvider;

beforeAll(async () => {
  database = await createDatabase();
  db = await createDb({ url: database.url }, { env: 'test' });
  await db.sql`create table orders (id text primary key)`;
  await db.sql`create table booked (id text primary key)`;
  const mq = await createMq({ driver: 'memory' });
  const outbox = await createOutbox({ relay: false }, { db, mq });
  await outbox.migrate();
  await outbox.close();
  await mq.close();
  coord = await createCoord({
    driver: 'etcd',
    endpoints: [...sharedEtcd().endpoints],
    ...PATIENT_COORD,
  });
}, 120_000);
afterEach(() => {
  for (const { child } of running.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await coord.close();
  await db.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

interface Fleet {
  readonly service: string;
  readonly topicPrefix: string;
  readonly start: () => Promise<Instance>;
}

/** A service of which instances can be started. */
function fleet(hooks = true): Fleet {
  const service = uniqueName('orders');
  const topicPrefix = `${service}.`;
  return {
    service,
    topicPrefix,
    start: async () => {
      const logFile = join(folder, uniqueName('log'));
      const options = {
        env: 'staging',
        service,
        clog: { output: logFile },
        uid: true,
        coord: { driver: 'etcd', endpoints: sharedEtcd().endpoints, ...PATIENT_COORD },
        cache: {
          driver: 'redis',
          url: sharedRedis().url,
          keyPrefix: `${service}:`,
          connectTimeoutMs: 30_000,
          commandTimeoutMs: 10_000,
        },
        db: { url: database.url },
        mq: {
          driver: 'kafka',
          brokers: sharedKafka().brokers,
          topicPrefix,
          createTopics: true,
          defaultPartitions: 4,
          connectTimeoutMs: 30_000,
        },
        ratelimit: { rules: { orders: { rate: 100_000, capacity: 100_000 } } },
        once: { storeTimeoutMs: 10_000 },
        breaker: true,
        outbox: true,
        es: { driver: 'memory' },
        metrics: true,
        shutdown: { readinessDelayMs: 1500, drainMs: 30_000, hardLimitMs: 90_000 },
      };
      const grpcUrl = `127.0.0.1:${await freePort()}`;
      const instance = await startInstance({ logFile, grpcUrl, options, hooks });
      running.push(instance);
      return instance;
    },
  };
}

const sorted = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id).toSorted();
const ordersOf = async (name: string): Promise<string[]> =>
  sorted(await db.sql<{ id: string }>`select id from orders where id like ${`${name}%`}`);
const bookedOf = async (name: string): Promise<string[]> =>
  sorted(await db.sql<{ id: string }>`select id from booked where id like ${`${name}%`}`);

/** Under load on HTTP and gRPC the first instance is terminated, then the second. */
async function terminated(hooks: boolean): Promise<{
  readonly name: string;
  readonly service: string;
  readonly topicPrefix: string;
  readonly instances: Instance[];
  readonly exits: (number | null)[];
  readonly answered: string[];
  readonly failed: readonly { readonly id: string; readonly why: string }[];
  readonly registered: number[];
  readonly start: () => Promise<Instance>;
}> {
  const { service, topicPrefix, start } = fleet(hooks);
  const instances = [await start(), await start()];
  const registered = async (): Promise<number> => (await coord.registry.discover(service)).length;
  await eventually(async () => expect(await registered()).toBe(2), PATIENT);
  const name = uniqueName('o');
  const http = naiveBalancer(instances);
  const grpc = grpcBalancer(instances, SHOP_PROTO);
  const loads = [
    load(`${name}-http`, 3, (id) => http(`/orders/${id}`)),
    load(`${name}-grpc`, 3, grpc.place),
  ] as const;
  const more = async (): Promise<void> => {
    const before = loads.map(({ answered }) => answered.size);
    await eventually(
      () =>
        loads.forEach(({ answered }, at) =>
          expect(answered.size).toBeGreaterThan((before[at] ?? 0) + ENOUGH),
        ),
      PATIENT,
    );
  };
  const exits: (number | null)[] = [];
  const counts: number[] = [];
  for (const instance of instances) {
    await more();
    instance.child.kill('SIGTERM');
    exits.push(await instance.exit);
    counts.push(await registered());
  }
  await Promise.all(loads.map(({ stop }) => stop()));
  grpc.close();
  return {
    name,
    service,
    topicPrefix,
    instances,
    exits,
    answered: loads.flatMap(({ answered }) => [...answered]).toSorted(),
    failed: loads.flatMap(({ failed }) => failed),
    registered: counts,
    start,
  };
}

describe('two instances on real servers that get SIGTERM under load, one after the other', () => {
  it('answer what they accepted, lose no message and no log line, and leave nothing in the registry', async () => {
    const end = await terminated(true);
    const orders = await ordersOf(end.name);
    expect({ exits: end.exits, failed: end.failed, registered: end.registered }).toEqual({
      exits: [0, 0],
      failed: [],
      registered: [1, 0],
    });
    // what was accepted has been answered, and the other way round
    expect(orders).toEqual(end.answered);
    const placed = logged(end.instances, 'placed');
    expect(end.answered.filter((id) => !placed.has(id))).toEqual([]);
    const unsent = await db.sql`select 1 as one from infra_outbox where sent_at is null`;
    expect(unsent).toHaveLength(0);

    const mq = await createMq({ brokers: [...sharedKafka().brokers], topicPrefix: end.topicPrefix });
    const sent = new Set<string>();
    await mq.subscribe<string>('orders', async ({ value }) => void sent.add(value), {
      group: uniqueName('check'),
      fromBeginning: true,
    });
    await eventually(() => expect([...sent].toSorted()).toEqual(orders), PATIENT);
    await mq.close();
    // an instance that comes later takes up where they left off
    const next = await end.start();
    await eventually(async () => expect(await bookedOf(end.name)).toEqual(orders), PATIENT);
    next.child.kill('SIGTERM');
    expect(await next.exit).toBe(0);
    const booked = logged([...end.instances, next], 'booked');
    expect(orders.filter((id) => !booked.has(id))).toEqual([]);
  }, 240_000);

  it('without shutdown hooks leave accepted requests unanswered, and stay in the registry (the control)', async () => {
    const end = await terminated(false);
    const answered = new Set(end.answered);
    const orders = await ordersOf(end.name);
    expect(orders.filter((id) => !answered.has(id)).length).toBeGreaterThan(0);
    expect(end.failed.length).toBeGreaterThan(0);
    expect(end.registered).toEqual([2, 2]);
  }, 240_000);
});
