import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Etcd3 } from 'etcd3';
import { FaultProxy, launchEtcd, type RunningServer, until } from '@infra-kit/testkit';

const IMPATIENCE_MS = 500;
const PATIENCE_MS = 5_000;
const KEY = 'testkit/key';

/** Deadlines for single calls alone: one for all would cut watch streams as well. */
function connect(url: string, patienceMs: number): Etcd3 {
  return new Etcd3({
    hosts: url,
    defaultCallOptions: (call) => (call.isStream ? {} : { deadline: Date.now() + patienceMs }),
  });
}

describe("an etcd of one's own", () => {
  let server: RunningServer;
  const clients: Etcd3[] = [];
  beforeEach(async () => {
    server = await launchEtcd();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server.stop();
  });
  function client(patienceMs: number, url = server.url): Etcd3 {
    const made = connect(url, patienceMs);
    clients.push(made);
    return made;
  }

  /** Seen by a new client: the circuit breaker of one that has failed stays open for five seconds. */
  async function value(url = server.url): Promise<string> {
    const fresh = client(PATIENCE_MS, url);
    return until('it answers', async () => (await fresh.get(KEY).string()) ?? undefined);
  }

  it('is healthy and keeps what is put', async () => {
    const health = await fetch(new URL('/health', server.url));
    expect(await health.json()).toMatchObject({ health: 'true' });
    await client(PATIENCE_MS).put(KEY).value('value');
    expect(await value()).toBe('value');
  });

  it('answers nothing while it is paused, and goes on when it is resumed', async () => {
    await client(PATIENCE_MS).put(KEY).value('before');
    await server.pause();
    await expect(client(IMPATIENCE_MS).get(KEY).string()).rejects.toThrow();
    await server.resume();
    expect(await value()).toBe('before');
  });

  it('keeps its data and its port when it is killed and restarted', async () => {
    await client(PATIENCE_MS).put(KEY).value('kept');
    const { port } = server;
    await server.kill();
    await expect(client(IMPATIENCE_MS).get(KEY).string()).rejects.toThrow();
    await server.restart();
    expect(server.port).toBe(port);
    expect(await value()).toBe('kept');
  });

  it('times out behind a proxy whose latency is longer than the patience, and in its blackhole', async () => {
    const proxy = await FaultProxy.start(server);
    const through = client(IMPATIENCE_MS, proxy.through(server.url));
    await client(PATIENCE_MS).put(KEY).value('through');
    await until('it answers through the proxy', async () => (await through.get(KEY).string()) ?? undefined);
    proxy.latency(IMPATIENCE_MS);
    await expect(through.get(KEY).string()).rejects.toThrow();
    proxy.blackhole();
    await expect(through.get(KEY).string()).rejects.toThrow();
    await proxy.restore();
    expect(await value(proxy.through(server.url))).toBe('through');
    await proxy.close();
  });

  it('is back behind a proxy that reset its connections and refused new ones', async () => {
    const proxy = await FaultProxy.start(server);
    const through = client(IMPATIENCE_MS, proxy.through(server.url));
    await client(PATIENCE_MS).put(KEY).value('through');
    await until('it answers through the proxy', async () => (await through.get(KEY).string()) ?? undefined);
    await proxy.refuse();
    proxy.reset();
    await expect(through.get(KEY).string()).rejects.toThrow();
    await proxy.restore();
    expect(await value(proxy.through(server.url))).toBe('through');
    await proxy.close();
  });
});
