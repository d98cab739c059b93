import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FaultProxy, launchEtcd, type RunningServer, until } from '@infra-kit/testkit';

const PATIENCE_MS = 10_000;
const IMPATIENCE_MS = 500;
const KEY = Buffer.from('testkit/key').toString('base64');

interface Answer {
  readonly kvs?: readonly { readonly value: string }[];
}

/** etcd's JSON gateway. Rejects when nothing answers within the patience. */
async function gateway(url: string, body: object, patienceMs = PATIENCE_MS): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(patienceMs),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return (await response.json()) as Answer;
}

async function put(url: string, value: string): Promise<void> {
  await gateway(`${url}/v3/kv/put`, { key: KEY, value: Buffer.from(value).toString('base64') });
}

async function get(url: string, patienceMs?: number): Promise<string | undefined> {
  const { kvs } = await gateway(`${url}/v3/kv/range`, { key: KEY }, patienceMs);
  return kvs?.[0] === undefined ? undefined : Buffer.from(kvs[0].value, 'base64').toString();
}

describe("an etcd of one's own", () => {
  let server: RunningServer;
  beforeEach(async () => {
    server = await launchEtcd();
  });
  afterEach(() => server.stop());

  it('is healthy and keeps what is put', async () => {
    const health = await fetch(new URL('/health', server.url));
    expect(await health.json()).toMatchObject({ health: 'true' });
    await put(server.url, 'value');
    expect(await get(server.url)).toBe('value');
  });

  it('answers nothing while it is paused, and goes on when it is resumed', async () => {
    await put(server.url, 'before');
    await server.pause();
    await expect(get(server.url, IMPATIENCE_MS)).rejects.toThrow();
    await server.resume();
    expect(await until('it answers', () => get(server.url))).toBe('before');
  });

  it('keeps its data and its port when it is killed and restarted', async () => {
    await put(server.url, 'kept');
    await server.kill();
    await expect(get(server.url, IMPATIENCE_MS)).rejects.toThrow();
    await server.restart();
    expect(await get(server.url)).toBe('kept');
  });

  it('is silent in a blackhole of the proxy and back after it', async () => {
    const proxy = await FaultProxy.start(server);
    const url = proxy.through(server.url);
    await put(url, 'through');
    proxy.blackhole();
    await expect(get(url, IMPATIENCE_MS)).rejects.toThrow();
    await proxy.restore();
    expect(await until('it answers', () => get(url))).toBe('through');
    await proxy.close();
  });
});
