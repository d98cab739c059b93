import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { hostOf, isSecure, type EtcdDriverOptions } from './etcd-options.js';

const HTTP2 = ['h2'];

function placeOf(endpoint: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(`http://${hostOf(endpoint)}`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}

/** What becomes of a connection: made, refused for a reason it gives, or neither. */
type Outcome = { readonly made: true } | { readonly made: false; readonly why: string | undefined };

function outcome(socket: Socket, made: 'connect' | 'secureConnect', limitMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const end = (result: Outcome): void => {
      socket.destroy();
      resolve(result);
    };
    socket.on('error', (error) => end({ made: false, why: error.message }));
    socket.once(made, () => end({ made: true }));
    socket.once('close', () => end({ made: false, why: undefined }));
    socket.setTimeout(limitMs, () => end({ made: false, why: undefined }));
  });
}

/** What a server says that has looked at our certificate, or missed one. */
const CLIENT_REFUSED =
  /alert (bad certificate|certificate required|unknown ca|handshake failure|access denied)/i;

/** Whether it greets as HTTP/2 does without TLS. */
function speaksPlainly({ host, port }: { host: string; port: number }, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`);
    const end = (plain: boolean): void => {
      session.destroy();
      resolve(plain);
    };
    session.on('error', () => end(false));
    session.once('remoteSettings', () => end(true));
    session.once('close', () => end(false));
    session.setTimeout(limitMs, () => end(false));
  });
}

/**
 * Why TLS keeps us from an endpoint that can be reached; undefined when TLS is not the matter. gRPC says of most of
 * this only that there is no connection: `said`.
 */
export async function tlsMismatch(
  endpoint: string,
  options: EtcdDriverOptions,
  { limitMs, said }: { readonly limitMs: number; readonly said: string },
): Promise<string | undefined> {
  const place = placeOf(endpoint);
  const reached = await outcome(connectPlain(place), 'connect', limitMs);
  if (!reached.made) return undefined;
  const { ca, cert, key } = options.tls ?? {};
  if (!isSecure(options)) {
    const secured = connectTls({ ...place, ALPNProtocols: HTTP2, rejectUnauthorized: false });
    const result = await outcome(secured, 'secureConnect', limitMs);
    return result.made ? 'it speaks TLS; write https:// or pass tls' : undefined;
  }
  const servername = isIP(place.host) === 0 ? place.host : '';
  const secured = connectTls({ ...place, ALPNProtocols: HTTP2, servername, ca, cert, key });
  const result = await outcome(secured, 'secureConnect', limitMs);
  if (result.made)
    return CLIENT_REFUSED.test(said)
      ? 'it refuses our TLS certificate, or wants one (tls.cert, tls.key)'
      : undefined;
  if (result.why === undefined) return undefined;
  return (await speaksPlainly(place, limitMs))
    ? 'it does not speak TLS; write http:// and leave tls out'
    : `TLS failed, ${result.why}`;
}
