import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { hostOf, isSecure, type EtcdDriverOptions } from './etcd-options.js';

const HTTP2 = ['h2'];

function placeOf(endpoint: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(`http://${hostOf(endpoint)}`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}

/** What becomes of a connection: undefined when it is made, else why not. */
function outcome(
  socket: Socket,
  made: 'connect' | 'secureConnect',
  limitMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (why: string | undefined) => (): void => {
      socket.destroy();
      resolve(why);
    };
    socket.on('error', (error) => end(error.message)());
    socket.once(made, end(undefined));
    socket.once('close', end('closed by the other side'));
    socket.setTimeout(limitMs, end('no answer'));
  });
}

/**
 * Why TLS keeps us from an endpoint that can be reached; undefined when TLS is not the matter. gRPC says of most of
 * this only that there is no connection.
 */
export async function tlsMismatch(
  endpoint: string,
  options: EtcdDriverOptions,
  limitMs: number,
): Promise<string | undefined> {
  const place = placeOf(endpoint);
  if ((await outcome(connectPlain(place), 'connect', limitMs)) !== undefined) return undefined;
  const { ca, cert, key } = options.tls ?? {};
  if (!isSecure(options)) {
    const secured = connectTls({ ...place, ALPNProtocols: HTTP2, rejectUnauthorized: false });
    const refused = await outcome(secured, 'secureConnect', limitMs);
    return refused === undefined ? 'it speaks TLS; write https:// or pass tls' : undefined;
  }
  const socket = connectTls({ ...place, ALPNProtocols: HTTP2, servername: place.host, ca, cert, key });
  const refused = await outcome(socket, 'secureConnect', limitMs);
  if (refused !== undefined)
    return /wrong version number|packet length too long/i.test(refused)
      ? 'it does not speak TLS; write http:// and leave tls out'
      : `TLS failed: ${refused}`;
  return cert === undefined
    ? 'TLS failed: the server may want a client certificate (tls.cert, tls.key)'
    : undefined;
}
