import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { Client, errors } from '@elastic/elasticsearch';
import { FaultProxy, isAlive, launchElasticsearch, type RunningServer, until } from '@infra-kit/testkit';
import { familyOf } from '../src/process/family.js';
import { commandOf, stateOf } from '../src/process/processes.js';

const IMPATIENCE_MS = 1_000;
const PATIENCE_MS = 60_000;
const START_MS = 240_000;
/** The older line, which a machine without a new Java runs, wants to be asked in its own version. */
const MEDIA = 'application/vnd.elasticsearch+json; compatible-with=8';
const INDEX = 'testkit';

/** The timeout of a client is its pool's as well: a longer one for a single request has no effect. */
function connect(node: string, patienceMs: number): Client {
  const headers = { accept: MEDIA, 'content-type': MEDIA };
  return new Client({ node, headers, maxRetries: 0, requestTimeout: patienceMs });
}

async function get(client: Client): Promise<unknown> {
  return (await client.get<{ text: string }>({ index: INDEX, id: '1' }))._source?.text;
}

describe("an Elasticsearch of one's own", () => {
  let server: RunningServer;
  let proxy: FaultProxy;
  let patient: Client;
  let direct: Client;
  let through: Client;
  const put = (text: string): Promise<unknown> =>
    patient.index({ index: INDEX, id: '1', document: { text } });
  /** A busy machine may be slower than an impatient client. */
  const answer = (client: Client): Promise<unknown> => until('it answers', () => get(client));

  // one server for all: a start takes many seconds
  beforeAll(async () => {
    server = await launchElasticsearch();
    proxy = await FaultProxy.start(server);
    patient = connect(server.url, PATIENCE_MS);
    direct = connect(server.url, IMPATIENCE_MS);
    through = connect(proxy.through(server.url), IMPATIENCE_MS);
    const settings = { number_of_shards: 1, number_of_replicas: 0 };
    await patient.indices.create({ index: INDEX, settings });
  }, START_MS);
  afterAll(async () => {
    await Promise.all([patient.close(), direct.close(), through.close()]);
    await proxy.close();
    await server.stop();
  });
  afterEach(() => proxy.restore());

  it('is the server, not the launcher that started it', () => {
    if (server.pid !== undefined) expect(commandOf(server.pid)).toContain('org.elasticsearch.bootstrap');
  });

  it('answers nothing while it is paused, and goes on when it is resumed', async () => {
    await put('before');
    await server.pause();
    if (server.pid !== undefined) expect(stateOf(server.pid)).toBe('T');
    await expect(get(direct)).rejects.toThrow(errors.TimeoutError);
    await server.resume();
    expect(await answer(direct)).toBe('before');
  });

  it('times out when the latency of the proxy is longer than the patience', async () => {
    await put('through');
    expect(await answer(through)).toBe('through');
    proxy.latency(IMPATIENCE_MS);
    await expect(get(through)).rejects.toThrow(errors.TimeoutError);
  });

  it('is silent in a blackhole of the proxy and back after it', async () => {
    proxy.blackhole();
    await expect(get(through)).rejects.toThrow(errors.TimeoutError);
    await proxy.restore();
    expect(await answer(through)).toBe('through');
  });

  it('is back after a reset by the proxy', async () => {
    await answer(through);
    const { connections } = proxy.counts;
    proxy.reset();
    expect(await answer(through)).toBe('through');
    expect(proxy.counts.connections).toBeGreaterThan(connections);
  });

  it('cannot be reached while the proxy refuses', async () => {
    await proxy.refuse();
    proxy.reset();
    await expect(get(through)).rejects.toThrow(errors.ConnectionError);
    await proxy.restore();
    expect(await answer(through)).toBe('through');
  });

  it(
    'is dead with its launcher when it is killed, and keeps its data and its port when it is restarted',
    async () => {
      await put('kept');
      const { port, pid } = server;
      const family = pid === undefined ? [] : familyOf([pid]);
      await server.kill();
      expect(family.filter(isAlive)).toEqual([]);
      expect(family.filter((member) => existsSync(`/tmp/.java_pid${member}`))).toEqual([]);
      await expect(get(direct)).rejects.toThrow(errors.ConnectionError);
      await server.restart();
      expect(server.port).toBe(port);
      expect(await until('the index is there', () => get(direct), { deadlineMs: 60_000 })).toBe('kept');
    },
    START_MS,
  );
});
