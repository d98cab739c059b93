import type { IncomingMessage } from 'node:http';

/** The template of the route that answered, from Express's or Fastify's own request; undefined when none did. */
export function routeOf(request: unknown): string | undefined {
  const route: unknown = Reflect.get(Object(request), 'route');
  const options: unknown = Reflect.get(Object(request), 'routeOptions');
  const found: unknown =
    options === undefined ? Reflect.get(Object(route), 'path') : Reflect.get(Object(options), 'url');
  if (typeof found !== 'string') return undefined;
  const base: unknown = options === undefined ? Reflect.get(Object(request), 'baseUrl') : '';
  const path = `${typeof base === 'string' ? base : ''}${found}`;
  // a middleware for everything is no route, nor is Nest's own handler behind all routes of a prefix
  return path.includes('{*') || path === '*' || /[^/]\*path$/.test(path) ? undefined : path;
}

/** The path of a request without its query. */
export function pathOf(request: IncomingMessage): string {
  const original: unknown = Reflect.get(request, 'originalUrl');
  const url = typeof original === 'string' ? original : (request.url ?? '');
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** Whether `path` is one of `paths` or below it. */
export function isUnder(path: string, paths: readonly string[]): boolean {
  return paths.some(
    (one) => path.startsWith(one) && (path.length === one.length || path[one.length] === '/'),
  );
}
