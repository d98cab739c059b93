import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';

const EVERYWHERE = ['0.0.0.0', '::', ''];

function outsideIpv4(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

/**
 * `host:port` under which others reach a server: the host advertised, else the one it listens on, else, for one that
 * listens everywhere, this machine's first outside IPv4. Undefined for a server that listens on no port.
 */
export function reachableAddress(
  listening: AddressInfo | string | null,
  advertisedHost: string | undefined,
): { readonly address: string; readonly port: number } | undefined {
  if (listening === null || typeof listening === 'string') return undefined;
  const { address, port } = listening;
  const bound = EVERYWHERE.includes(address) ? outsideIpv4() : address;
  const host = advertisedHost ?? (bound.includes(':') ? `[${bound}]` : bound);
  return { address: `${host}:${port}`, port };
}
