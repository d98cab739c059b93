import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { FaultProxy, freePort, until } from '@infra-kit/testkit';

/** A client that remembers what it saw. */
class Client {
  received = '';
  ended = false;
  errorCode: string | undefined;
  constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (this.received += chunk));
    socket.once('end', () => (this.ended = true));
    socket.once('error', (error: NodeJS.ErrnoException) => (this.errorCode = error.code));
  }

  static async connect(port: number): Promise<Client> {
    const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
    const client = new Client(socket);
    await once(socket, 'connect');
    return client;
  }

  async sees(text: string): Promise<void> {
    await until(`the client receives ${text.slice(0, 20)}`, () => this.received === text);
  }

  async fails(): Promise<string> {
    return until('the client fails', () => this.errorCode);
  }
}

describe('a fault proxy', () => {
  let target: Server;
  let targetSockets: Set<Socket>;
  let proxy: FaultProxy;

  beforeEach(async () => {
    targetSockets = new Set();
    target = createServer({ allowHalfOpen: true }, (socket) => {
      targetSockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => targetSockets.delete(socket));
      socket.pipe(socket);
    });
    target.listen(0, '127.0.0.1');
    await once(target, 'listening');
    const { port } = target.address() as AddressInfo;
    proxy = await FaultProxy.start({ host: '127.0.0.1', port });
  });

  afterEach(async () => {
    await proxy.close();
    for (const socket of targetSockets) socket.destroy();
    target.close();
  });

  it('listens where it was told to, so that others may be told before', async () => {
    const port = await freePort();
    const told = await FaultProxy.start({ host: '127.0.0.1', port: proxy.port }, { port });
    expect(told.port).toBe(port);
    const client = await Client.connect(port);
    client.socket.write('hello');
    await client.sees('hello');
    await told.close();
  });

  it('carries bytes both ways and counts them', async () => {
    const client = await Client.connect(proxy.port);
    client.socket.write('hello');
    await client.sees('hello');
    expect(proxy.counts).toEqual({ connections: 1, open: 1, bytesUp: 5, bytesDown: 5, bytesSwallowed: 0 });
  });

  it('carries more than fits in any buffer, complete and in order', async () => {
    const text = Array.from({ length: 400_000 }, (_, index) => String(index % 10))
      .join('')
      .repeat(10);
    const client = await Client.connect(proxy.port);
    client.socket.end(text);
    await until('the echo ends', () => client.ended);
    expect(client.received === text).toBe(true);
  });

  it('takes no more from a client than the target takes from it', async () => {
    const size = 64_000_000;
    const client = await Client.connect(proxy.port);
    client.socket.write('x');
    await client.sees('x');
    for (const socket of targetSockets) socket.unpipe().pause();
    client.socket.write(Buffer.alloc(size));
    let before = -1;
    const stands = (): boolean => before === (before = proxy.counts.bytesUp);
    await until('the stream stands still', stands, { everyMs: 100 });
    expect(proxy.counts.bytesUp).toBeLessThan(size);
  });

  it('passes an end of stream on, and forgets the connection when both sides have ended', async () => {
    const client = await Client.connect(proxy.port);
    client.socket.end('bye');
    await until('the end comes back', () => client.ended);
    expect(client.received).toBe('bye');
    await until('the connection is forgotten', () => proxy.counts.open === 0);
  });

  it('names itself in the url of the target', () => {
    expect(proxy.through('redis://:secret@example:7000/3')).toBe(`redis://:secret@127.0.0.1:${proxy.port}/3`);
    expect(proxy.through('example:9092')).toBe(`127.0.0.1:${proxy.port}`);
  });

  it('holds each chunk back for the latency, and other chunks do not wait for it', async () => {
    const [slow, fast] = [await Client.connect(proxy.port), await Client.connect(proxy.port)];
    proxy.latency(3_600_000);
    slow.socket.write('slow');
    await until('the proxy has the chunk', () => proxy.counts.bytesUp === 4);
    proxy.latency(0);
    fast.socket.write('fast');
    await fast.sees('fast');
    expect(slow.received).toBe('');
  });

  it('keeps the order of a stream when the latency falls', async () => {
    const client = await Client.connect(proxy.port);
    proxy.latency(30);
    client.socket.write('first ');
    await until('the proxy has the chunk', () => proxy.counts.bytesUp === 6);
    proxy.latency(0);
    client.socket.write('second');
    await client.sees('first second');
  });

  it('swallows everything in a blackhole and lets nobody notice', async () => {
    const open = await Client.connect(proxy.port);
    proxy.blackhole();
    const late = await Client.connect(proxy.port);
    open.socket.write('lost');
    late.socket.write('lost');
    await until('both are swallowed', () => proxy.counts.bytesSwallowed === 8);
    expect([open.received, open.errorCode, late.received, late.errorCode]).toEqual([
      '',
      undefined,
      '',
      undefined,
    ]);
  });

  it('hides the death of the target in a blackhole', async () => {
    const client = await Client.connect(proxy.port);
    client.socket.write('hello');
    await client.sees('hello');
    proxy.blackhole();
    for (const socket of targetSockets) socket.resetAndDestroy();
    client.socket.write('anyone?');
    await until('the bytes are swallowed', () => proxy.counts.bytesSwallowed === 7);
    expect([client.ended, client.errorCode]).toEqual([false, undefined]);
  });

  it('resets after a blackhole the connections that lost bytes, and keeps those that lost none', async () => {
    const [holed, sound] = [await Client.connect(proxy.port), await Client.connect(proxy.port)];
    proxy.blackhole();
    holed.socket.write('lost');
    await until('the bytes are swallowed', () => proxy.counts.bytesSwallowed === 4);
    await proxy.restore();
    expect(await holed.fails()).toBe('ECONNRESET');
    sound.socket.write('hello');
    await sound.sees('hello');
  });

  it('resets open connections and welcomes new ones', async () => {
    const before = await Client.connect(proxy.port);
    proxy.reset();
    expect(await before.fails()).toBe('ECONNRESET');
    const after = await Client.connect(proxy.port);
    after.socket.write('hello');
    await after.sees('hello');
  });

  it('lets the target see a reset too', async () => {
    const client = await Client.connect(proxy.port);
    client.socket.write('hello');
    await client.sees('hello');
    proxy.reset();
    await until('the target has lost its connection', () => targetSockets.size === 0);
  });

  it('refuses new connections, keeps open ones, and listens on its old port after restore', async () => {
    const open = await Client.connect(proxy.port);
    await proxy.refuse();
    await expect(Client.connect(proxy.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    open.socket.write('still here');
    await open.sees('still here');
    await proxy.restore();
    const again = await Client.connect(proxy.port);
    again.socket.write('back');
    await again.sees('back');
  });

  it('resets its client when the target refuses', async () => {
    target.close();
    const client = await Client.connect(proxy.port);
    expect(await client.fails()).toBe('ECONNRESET');
  });

  it('leaves no connection and no listener after close', async () => {
    const client = await Client.connect(proxy.port);
    await proxy.close();
    expect(await client.fails()).toBe('ECONNRESET');
    expect(proxy.counts.open).toBe(0);
    await expect(Client.connect(proxy.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
