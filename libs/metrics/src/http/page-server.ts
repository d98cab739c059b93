import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ResourceStack } from '@infra-kit/kernel';
import { portTaken } from '../metrics.errors.js';

/** As Prometheus names its text format. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Answers with the page; a failure to make it is an answer too. */
export function servePage(response: ServerResponse, page: () => Promise<string>): void {
  page().then(
    (text) => {
      response.setHeader('Content-Type', CONTENT_TYPE);
      response.end(text);
    },
    () => {
      response.statusCode = 503;
      response.end();
    },
  );
}

export interface PageServerOptions {
  readonly page: () => Promise<string>;
  readonly path: string;
  readonly port: number;
  readonly host: string | undefined;
  readonly instance: string;
  readonly stack: ResourceStack;
}

/** Serves the page on a port of its own until the stack closes, and does not keep the process alive. Returns the port. */
export async function openPageServer(options: PageServerOptions): Promise<number> {
  const { page, path, port, host, instance, stack } = options;
  const server = createServer((request, response) => {
    if ((request.url ?? '').split('?', 1)[0] === path) return servePage(response, page);
    response.statusCode = 404;
    response.end();
  }).unref();
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen({ port, ...(host !== undefined && { host }) }, listening.resolve);
  await listening.promise.catch((error: unknown) => {
    throw portTaken(instance, port, error);
  });
  stack.push({
    name: 'metrics page',
    phase: 'connections',
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  });
  return (server.address() as AddressInfo).port;
}
