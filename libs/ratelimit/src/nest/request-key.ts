import type { ExecutionContext } from '@nestjs/common';
import { grpcCallOf } from '@infra-kit/kernel';
import { addressKey, type TrustedProxies } from './trusted-proxies.js';

const UNKNOWN = 'ip:unknown';

const member = (of: unknown, ...path: readonly string[]): unknown => {
  let value = of;
  for (const name of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return value;
};

/** The HTTP request under a context, if any: of GraphQL the one that brought the operation. */
export function httpRequest(context: ExecutionContext): unknown {
  const kind: string = context.getType();
  if (kind === 'http') return context.getArgByIndex(0);
  if (kind !== 'graphql') return undefined;
  const operation: unknown = context.getArgByIndex(2);
  return member(operation, 'req') ?? member(operation, 'request') ?? member(operation, 'reply', 'request');
}

/** Node's own response under a context of HTTP or GraphQL. */
export function rawResponse(context: ExecutionContext): unknown {
  const kind: string = context.getType();
  const response: unknown =
    kind === 'http'
      ? context.getArgByIndex(1)
      : kind === 'graphql'
        ? (member(context.getArgByIndex(2), 'res') ?? member(context.getArgByIndex(2), 'reply'))
        : undefined;
  return member(response, 'raw') ?? response;
}

export interface RawResponse {
  readonly headersSent: boolean;
  setHeader(name: string, value: string): void;
  once(event: 'close', listener: () => void): void;
}

export function isRawResponse(value: unknown): value is RawResponse {
  return typeof member(value, 'setHeader') === 'function' && typeof member(value, 'once') === 'function';
}

function userId(user: unknown): string | undefined {
  const id = member(user, 'id') ?? member(user, 'sub') ?? member(user, 'userId');
  return (typeof id === 'string' && id !== '') || typeof id === 'number' || typeof id === 'bigint'
    ? `user:${id}`
    : undefined;
}

/** The authenticated user: `user` of the request, of a socket or of its data. */
export function userKey(context: ExecutionContext): string | undefined {
  const request = httpRequest(context);
  if (request !== undefined) return userId(member(request, 'user'));
  const client: unknown = context.getArgByIndex(0);
  return userId(member(client, 'user')) ?? userId(member(client, 'data', 'user'));
}

/** gRPC says `address:port`, also of an IPv6 address. */
const withoutPort = (peer: string): string => peer.slice(0, peer.lastIndexOf(':'));

function peerOf(context: ExecutionContext): unknown {
  const kind: string = context.getType();
  if (kind === 'ws') {
    const client: unknown = context.getArgByIndex(0);
    return member(client, 'handshake', 'address') ?? member(client, '_socket', 'remoteAddress');
  }
  const call = grpcCallOf(context.getArgs());
  if (call !== undefined) return withoutPort(call.getPeer());
  const socket = member(context.getArgByIndex(1), 'args', '0');
  return member(socket, 'remoteAddress') ?? member(socket, 'socket', 'remoteAddress');
}

export function addressOf(context: ExecutionContext, proxies: TrustedProxies): string {
  const request = httpRequest(context);
  const raw = member(request, 'raw') ?? request;
  const peer = request === undefined ? peerOf(context) : member(raw, 'socket', 'remoteAddress');
  const headers = member(raw, 'headers') ?? {};
  const address = proxies.clientAddress(
    typeof peer === 'string' ? peer : undefined,
    headers as Parameters<TrustedProxies['clientAddress']>[1],
  );
  return address === undefined ? UNKNOWN : `ip:${addressKey(address)}`;
}
