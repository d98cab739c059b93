import { afterEach, expect, it } from '@jest/globals';
import { eventually } from '@infra-kit/kernel/testing';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startProbe, type ProbeApp } from './probe-app.js';

let probe: ProbeApp | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await probe?.app.close();
});

it('a request that is on its way on an open connection when the listener closes is answered', async () => {
  probe = await startProbe({ shutdown: { readinessDelayMs: 1000 } });
  const { app, url } = probe;
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  const closed = app.close();
  await eventually(() => expect(app.getHttpServer().listening).toBe(false));
  socket.write('GET /context HTTP/1.1\r\nhost: x\r\n\r\n');
  let answer = '';
  socket.on('data', (chunk) => (answer += String(chunk)));
  await once(socket, 'close');
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer).toMatch(/^connection: close\r$/im);
  await closed;
});
