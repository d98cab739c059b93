import { createConnection } from 'node:net';
import { placeOf } from './address.js';

const TIMEOUT_MS = 1_000;
const PORT = 6379;

/** Whether it holds one whole reply: a line, or a string of as many bytes as its first line says. */
function isWhole(reply: Buffer): boolean {
  const end = reply.indexOf('\r\n');
  if (end === -1) return false;
  if (reply[0] !== '$'.charCodeAt(0)) return true;
  return reply.length >= end + 2 + Number(reply.toString('latin1', 1, end)) + 2;
}

/**
 * The reply to one command, as the server writes it, its type in front: '+PONG\r\n', '-NOAUTH …', '$4\r\nabcd\r\n'. Over a
 * bare socket, so that no client library is needed to start a server. Rejects when the server does not answer in a second.
 */
export function askRedis(url: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(placeOf(url, PORT));
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Error(`${command}: ${why}`));
    };
    let received = Buffer.alloc(0);
    socket.setTimeout(TIMEOUT_MS, () => fail('no answer'));
    socket.once('error', (error) => fail(error.message));
    socket.once('close', () => fail('closed'));
    socket.once('connect', () => socket.write(`${command}\r\n`));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (!isWhole(received)) return;
      resolve(received.toString());
      socket.destroy();
    });
  });
}
