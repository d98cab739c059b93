import { IncomingMessage, ServerResponse } from 'node:http';

/** Node's own request behind Express's (which is it) or Fastify's (which has it as `raw`). */
export function rawRequest(request: unknown): IncomingMessage | undefined {
  return unwrap(request, IncomingMessage);
}

export function rawResponse(response: unknown): ServerResponse | undefined {
  return unwrap(response, ServerResponse);
}

function unwrap<T>(value: unknown, type: abstract new (...args: never[]) => T): T | undefined {
  if (value instanceof type) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  const raw: unknown = Reflect.get(value, 'raw');
  return raw instanceof type ? raw : undefined;
}
