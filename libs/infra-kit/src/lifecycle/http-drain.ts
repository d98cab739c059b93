import type { Server, ServerResponse } from 'node:http';
import { ResourceStack } from '@infra-kit/kernel';
import { rawResponse } from '../http/raw-http.js';

/** How often connections that have fallen idle are closed while draining, in milliseconds. */
const IDLE_SWEEP_MS = 20;

/**
 * Lets an HTTP server finish: from `begin` every answer says `Connection: close`; in phase `intake` the listener
 * closes; in phase `drain` requests that had begun are waited for, and connections close as they fall idle.
 */
export class HttpDrain {
  readonly #server: Server;
  readonly #active = new Set<ServerResponse>();
  #draining = false;
  #closed: Promise<void> | undefined;

  constructor(server: Server, stack: ResourceStack, drainMs: number) {
    this.#server = server;
    server.prependListener('request', this.#onRequest);
    stack.push({ name: 'http listener', phase: 'intake', close: () => this.#stopListening() });
    stack.push({ name: 'http requests', phase: 'drain', timeoutMs: drainMs, close: () => this.#drained() });
  }

  /** Requests that have begun and have not been answered. */
  get active(): number {
    return this.#active.size;
  }

  begin(): void {
    this.#draining = true;
    for (const response of this.#active) sayClose(response);
  }

  readonly #onRequest = (_request: unknown, response: unknown): void => {
    const outgoing = rawResponse(response);
    if (outgoing === undefined) return;
    if (this.#draining) sayClose(outgoing);
    this.#active.add(outgoing);
    outgoing.once('close', () => this.#active.delete(outgoing));
  };

  #stopListening(): void {
    this.#closed ??= new Promise((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
  }

  async #drained(): Promise<void> {
    const sweep = setInterval(() => this.#server.closeIdleConnections(), IDLE_SWEEP_MS);
    try {
      await this.#closed;
    } finally {
      clearInterval(sweep);
      this.#server.removeListener('request', this.#onRequest);
    }
  }
}

function sayClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
