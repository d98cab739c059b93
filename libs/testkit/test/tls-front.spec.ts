import { expect, it } from '@jest/globals';
import { tlsFront } from '@infra-kit/testkit';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect } from 'node:tls';

/** A key that both sides know: no certificate is needed. */
const PSK = Buffer.alloc(16, 7);

it('a TLS front lets clients speak to a plain server, and hangs up when it is closed', async () => {
  const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(
    0,
    '127.0.0.1',
  );
  await once(echo, 'listening');
  const { port } = echo.address() as AddressInfo;
  const front = await tlsFront({ host: '127.0.0.1', port }, { ciphers: 'PSK', pskCallback: () => PSK });
  const client = connect({
    host: '127.0.0.1',
    port: front.port,
    ciphers: 'PSK',
    pskCallback: () => ({ psk: PSK, identity: 'test' }),
    checkServerIdentity: () => undefined,
  });
  client.on('error', () => undefined);
  await once(client, 'secureConnect');
  client.write('hello');
  expect(String((await once(client, 'data'))[0])).toBe('hello');
  const closed = once(client, 'close');
  await front[Symbol.asyncDispose]();
  await closed;
  echo.close();
  await once(echo, 'close');
});
