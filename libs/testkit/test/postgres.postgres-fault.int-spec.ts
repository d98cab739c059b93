import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, FaultProxy, isAlive, launchPostgres, type RunningServer } from '@infra-kit/testkit';
import { familyOf } from '../src/process/family.js';

const IMPATIENCE_MS = 500;
const PATIENCE_MS = 10_000;

async function connected(url: string, patienceMs = PATIENCE_MS): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: patienceMs });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function one(client: pg.Client, patienceMs = PATIENCE_MS): Promise<unknown> {
  const query = { text: 'SELECT 1 AS one', query_timeout: patienceMs };
  return (await client.query<{ one: number }>(query)).rows[0]?.one;
}

describe("a PostgreSQL of one's own", () => {
  let server: RunningServer;
  let client: pg.Client;
  beforeAll(async () => {
    server = await launchPostgres();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    client = await connected(server.url);
  });
  afterEach(() => client.end().catch(() => {}));

  it('answers neither an open session nor a new one while it is paused, and both once it is resumed', async () => {
    await server.pause();
    await expect(one(client, IMPATIENCE_MS)).rejects.toThrow('timeout');
    await expect(connected(server.url, IMPATIENCE_MS)).rejects.toThrow('timeout');
    await server.resume();
    const [again, fresh] = [await connected(server.url), await connected(server.url)];
    expect([await one(again), await one(fresh)]).toEqual([1, 1]);
    await Promise.all([again.end(), fresh.end()]);
  });

  it('keeps what was committed and its port, and ends every session, when it is killed and restarted', async () => {
    await client.query('CREATE TABLE kept AS SELECT 1 AS one');
    const { port, pid } = server;
    const family = pid === undefined ? [] : familyOf([pid]);
    await server.kill();
    expect(family.filter(isAlive)).toEqual([]);
    await expect(one(client)).rejects.toThrow();
    await expect(connected(server.url)).rejects.toThrow();
    await server.restart();
    expect(server.port).toBe(port);
    const fresh = await connected(server.url);
    expect((await fresh.query('SELECT one FROM kept')).rows).toEqual([{ one: 1 }]);
    await fresh.end();
  });

  it('can be restarted while it is paused and sessions are open', async () => {
    await server.pause();
    await server.restart();
    const fresh = await connected(server.url);
    expect(await one(fresh)).toBe(1);
    await fresh.end();
  });

  it('takes further arguments', async () => {
    const tuned = await launchPostgres({ args: ['-c', 'max_connections=33'] });
    const session = await connected(tuned.url);
    expect((await session.query('SHOW max_connections')).rows).toEqual([{ max_connections: '33' }]);
    await session.end();
    await tuned.stop();
  });

  describe('behind a fault proxy', () => {
    let proxy: FaultProxy;
    let through: pg.Client;
    beforeEach(async () => {
      proxy = await FaultProxy.start(server);
      through = await connected(proxy.through(server.url));
    });
    afterEach(async () => {
      await proxy.close();
      await through.end().catch(() => {});
    });

    it('times a query out when the latency is longer than its patience', async () => {
      expect(await one(through)).toBe(1);
      proxy.latency(IMPATIENCE_MS);
      await expect(one(through, IMPATIENCE_MS)).rejects.toThrow('timeout');
    });

    it('is silent in a blackhole, and takes new sessions after it', async () => {
      proxy.blackhole();
      await expect(one(through, IMPATIENCE_MS)).rejects.toThrow('timeout');
      await proxy.restore();
      const fresh = await connected(proxy.through(server.url));
      expect(await one(fresh)).toBe(1);
      await fresh.end();
    });

    it('ends the session by a reset', async () => {
      const ended = new Promise<void>((resolve) => through.once('end', resolve));
      proxy.reset();
      await ended;
      await expect(one(through)).rejects.toThrow();
    });

    it('cannot be reached while it refuses', async () => {
      await proxy.refuse();
      await expect(connected(proxy.through(server.url))).rejects.toThrow('ECONNREFUSED');
      await proxy.restore();
      await (await connected(proxy.through(server.url))).end();
    });

    it('has databases of its own through the proxy, too', async () => {
      const database = await createDatabase({ server: { url: proxy.through(server.url) } });
      expect(new URL(database.url).port).toBe(String(proxy.port));
      await database.drop();
    });
  });
});
