import { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';

type Summary = Readonly<Record<string, unknown>>;

const withoutQuery = (url: string): string => url.split(/[?#]/, 1)[0] ?? '';

function ofIncoming(message: IncomingMessage): Summary {
  const original: unknown = Reflect.get(message, 'originalUrl'); // Express's routers shorten `url`
  const url = typeof original === 'string' ? original : message.url;
  return {
    method: message.method ?? undefined,
    url: url ? withoutQuery(url) : undefined,
    status: message.statusCode ?? undefined,
    headers: message.headers,
  };
}

function ofClient(request: ClientRequest): Summary {
  const answer: unknown = Reflect.get(request, 'res');
  return {
    method: request.method,
    url: `${request.protocol}//${request.host}${withoutQuery(request.path)}`,
    status: answer instanceof IncomingMessage ? answer.statusCode : undefined,
    headers: request.getHeaders(),
  };
}

function entriesOf(value: object): Summary | undefined {
  const tag: unknown = Reflect.get(value, Symbol.toStringTag);
  if (tag !== 'Headers' && tag !== 'URLSearchParams') return undefined;
  return Symbol.iterator in value
    ? Object.fromEntries(value as Iterable<readonly [string, unknown]>)
    : undefined;
}

/**
 * What a line shows of Node's own requests and responses, which carry their headers as raw text too, and of fetch's
 * headers and queries, which show nothing of their own: plain objects, still to be redacted. Undefined for any other.
 */
export function httpSummary(value: object): Summary | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return undefined;
  if (value instanceof IncomingMessage) return ofIncoming(value);
  if (value instanceof ClientRequest) return ofClient(value);
  if (value instanceof ServerResponse) return { status: value.statusCode, headers: value.getHeaders() };
  return entriesOf(value);
}
