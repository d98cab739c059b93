import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import { ResourceStack } from '@infra-kit/kernel';
import { rawResponse } from '../http/raw-http.js';

/**
 * Lets an HTTP server finish: from `begin` every answer says `Connection: close`; in phase `intake` the listener
 * closes; in phase `drain` requests that had begun are waited for, connections close as they fall idle, and what is
 * left after `drainMs` (a request that does not end, a connection that never sent one) is cut. Connections that are open
 * when the listener closes stay so for `lingerMs`: a request may be on its way on them.
 * Open WebSockets do not hold it up: their gateways are closed by Nest afterwards.
 */
export class HttpDrain {
  readonly #server: Server;
  readonly #active = new Set<ServerResponse>();
  readonly #lingerMs: number;
  #draining = false;
  #lingered: Promise<void> | undefined;
  #mayCloseIdle = false;
  #onIdle: (() => void) | undefined;

  constructor(server: Server, stack: ResourceStack, limits: { drainMs: number; lingerMs: number }) {
    const { drainMs, lingerMs } = limits;
    this.#server = server;
    this.#lingerMs = lingerMs;
    server.prependListener('request', this.#onRequest);
    stack.push({ name: 'http listener', phase: 'intake', close: () => this.#stopListening() });
    // closed after the requests: the last pushed of a phase closes first
    stack.push({ name: 'http connections', phase: 'drain', close: () => server.closeAllConnections() });
    stack.push({ name: 'http requests', phase: 'drain', timeoutMs: drainMs, close: () => this.#drained() });
  }

  /** Requests that have begun and have not been answered. */
  get active(): number {
    return this.#active.size;
  }

  get listening(): boolean {
    return this.#server.listening;
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
    outgoing.once('close', () => this.#onAnswered(outgoing));
  };

  #onAnswered(response: ServerResponse): void {
    this.#active.delete(response);
    if (!this.#draining) return;
    // a connection that was busy when the listener closed is idle only after this turn
    if (this.#mayCloseIdle) setImmediate(() => this.#server.closeIdleConnections());
    if (this.#active.size === 0) this.#onIdle?.();
  }

  async #stopListening(): Promise<void> {
    // what the system has accepted for us is taken first: it would be reset
    await new Promise((resolve) => setImmediate(resolve));
    // not http's own close, which cuts connections on which nothing has come yet
    NetServer.prototype.close.call(this.#server);
    this.#lingered = this.#linger();
  }

  async #linger(): Promise<void> {
    if (this.#lingerMs > 0 && (await this.#idle()) > 0)
      await new Promise((resolve) => setTimeout(resolve, this.#lingerMs));
    this.#mayCloseIdle = true;
    this.#server.closeIdleConnections();
  }

  /** Connections on which no request is. */
  #idle(): Promise<number> {
    return new Promise((resolve) =>
      this.#server.getConnections((_error, count) => resolve(count - this.#active.size)),
    );
  }

  async #drained(): Promise<void> {
    await this.#lingered;
    if (this.#active.size > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    this.#server.removeListener('request', this.#onRequest);
  }
}

function sayClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
