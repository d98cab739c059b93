import type { ExecutionContext } from '@nestjs/common';
import { isStream } from '../values/kept-result.js';

const METHOD_VERSION = '__version__';

const member = (of: unknown, ...path: readonly string[]): unknown => {
  let value = of;
  for (const name of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return value;
};

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The template, prefix and version of the path included: Fastify's, else Express'. */
function routeOf(request: unknown): string {
  const fastify = text(member(request, 'routeOptions', 'url'));
  if (fastify !== undefined) return fastify;
  return `${text(member(request, 'baseUrl')) ?? ''}${text(member(request, 'route', 'path')) ?? ''}`;
}

/** Versions that are not in the path: of a header or media type. */
function versionOf(context: ExecutionContext): string {
  const version: unknown =
    Reflect.getMetadata(METHOD_VERSION, context.getHandler()) ??
    Reflect.getMetadata(METHOD_VERSION, context.getClass());
  const all = (Array.isArray(version) ? version : [version]).filter((one) => typeof one === 'string');
  return all.length === 0 ? '' : `;v=${all.join(',')}`;
}

/** The caller as authenticated: `user.id`, else `user.sub`, else nobody. */
export function callerOf(request: unknown): string {
  const id = member(request, 'user', 'id') ?? member(request, 'user', 'sub');
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : '';
}

/** What is called, without a space but the one of a route's method, and by whom. */
export const withCaller = (what: string, caller: string): string =>
  caller === '' ? what : `${what} ${caller}`;

/** Method, route and whose key it is. */
export function scopeOf(context: ExecutionContext, caller: string): string {
  const request: unknown = context.getArgByIndex(0);
  const route = `${routeOf(request)}${versionOf(context)}`.replaceAll(' ', '%20');
  return withCaller(`${text(member(request, 'method')) ?? ''} ${route}`, caller);
}

/** Path parameters, query and body; of what is no value (multipart, streams) path and query. */
export function payloadOf(request: unknown): unknown {
  const [params, query, body] = [
    member(request, 'params'),
    member(request, 'query'),
    member(request, 'body'),
  ];
  const type = text(member(request, 'headers', 'content-type')) ?? '';
  const asValue = !/^multipart\//i.test(type.trim()) && !isStream(body);
  return { params, query, ...(asValue && { body }) };
}

const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/;
const VISIBLE = /^[\u0021-\u007e]+$/;

/** A key as a header has it, quoted (RFC 8941 string) or bare; undefined: there is none. Throws a sentence for a malformed one. */
export function headerKey(request: unknown, header: string, maxLength: number): string | undefined {
  const given = member(request, 'headers', header.toLowerCase());
  if (given === undefined) return undefined;
  const field = typeof given === 'string' ? given.trim() : '';
  const key = field.startsWith('"') ? QUOTED.exec(field)?.[1]?.replace(/\\(["\\])/g, '$1') : field;
  if (key !== undefined && VISIBLE.test(key) && key.length <= maxLength) return key;
  throw new TypeError(
    `header ${header} must hold 1 to ${maxLength} visible ASCII characters, quoted or bare`,
  );
}
