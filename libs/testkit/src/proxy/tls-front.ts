import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';

export interface TlsFront extends AsyncDisposable {
  readonly port: number;
  /** host:port */
  readonly address: string;
}

/** A TLS door on 127.0.0.1 in front of a plain server. `terms` hold the certificate and its key. */
export async function tlsFront(
  target: { readonly host: string; readonly port: number },
  terms: TlsOptions,
): Promise<TlsFront> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer(terms, (client) => {
    const back = connect(target.port, target.host);
    for (const socket of [client, back]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        back.destroy();
      });
    }
    client.pipe(back).pipe(client);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
