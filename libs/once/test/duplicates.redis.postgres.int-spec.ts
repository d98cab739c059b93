import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createCache, type CacheProvider } from '@infra-kit/cache';
import { createDb, type DbProvider } from '@infra-kit/db';
import { createOnce } from '@infra-kit/once';
import { createDatabase, sharedRedis, uniqueName, uniquePrefix, type OwnDatabase } from '@infra-kit/testkit';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

jest.setTimeout(120_000); // processes start slowly on a machine that is busy

const SERVER = join(import.meta.dirname, 'fixtures/server.mjs');
const DUPLICATES = 200;
const ADAPTERS = ['express', 'fastify', 'express', 'fastify'];

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly replayed: boolean;
}

const prefix = uniquePrefix('duplicates');
let database: OwnDatabase;
let db: DbProvider;
let cache: CacheProvider;
beforeAll(async () => {
  database = await createDatabase();
  db = await createDb({ url: database.url }, { env: 'test' });
  await db.sql`create table effects (key text, pid integer)`;
  await (await createOnce({}, { db, env: 'test' })).close(); // makes the table
  cache = await createCache({ url: sharedRedis().url, keyPrefix: prefix }, { env: 'test' });
});
afterAll(async () => {
  await cache.close();
  await db.close();
  await database.drop();
});

describe.each(['cache', 'db'] as const)('200 duplicates at once over four processes, %s store', (store) => {
  const children: ChildProcess[] = [];
  let ports: number[] = [];
  beforeAll(async () => {
    const { NODE_OPTIONS: _unset, ...env } = process.env;
    const url = store === 'db' ? database.url : sharedRedis().url;
    for (const adapter of ADAPTERS)
      children.push(fork(SERVER, [adapter, store, url, prefix], { env, stdio: 'inherit' }));
    const told = await Promise.all(
      children.map((child) => once(child, 'message') as Promise<[{ port: number }]>),
    );
    ports = told.map(([{ port }]) => port);
  });
  afterAll(async () => {
    for (const child of children) child.send('close');
    for (const child of children) if (child.exitCode === null) await once(child, 'exit');
  });

  async function send(path: string): Promise<Answer[]> {
    const key = uniqueName('key');
    return Promise.all(
      Array.from({ length: DUPLICATES }, async (_, at) => {
        const answer = await fetch(`http://127.0.0.1:${ports[at % ports.length]}/${path}`, {
          method: 'POST',
          // a connection of its own: the server may just be closing an idle one, and a retry would be a second effect
          headers: { 'idempotency-key': key, 'content-type': 'application/json', connection: 'close' },
          body: '{"a":1}',
        });
        const replayed = answer.headers.get('idempotent-replayed') === 'true';
        return { status: answer.status, body: await answer.text(), replayed };
      }),
    );
  }
  const effects = async (): Promise<number> =>
    store === 'cache'
      ? ((await cache.get<number>('effects')) ?? 0)
      : (await db.sql`select 1 as one from effects`).length;

  it('have one effect, and are answered alike byte by byte where they wait', async () => {
    const before = await effects();
    const answers = await send('waiting');
    expect((await effects()) - before).toBe(1);
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it('have one effect, and are answered alike or by 409 where they do not', async () => {
    const before = await effects();
    const answers = await send('refusing');
    expect((await effects()) - before).toBe(1);
    const [done, refused] = [201, 409].map((wanted) => answers.filter(({ status }) => status === wanted));
    expect((done?.length ?? 0) + (refused?.length ?? 0)).toBe(DUPLICATES);
    expect(new Set(done?.map(({ body }) => body)).size).toBe(1);
    expect(done?.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it('control: have as many effects as there are requests without the decorator', async () => {
    const before = await effects();
    await send('bare');
    expect((await effects()) - before).toBe(DUPLICATES);
  });
});
