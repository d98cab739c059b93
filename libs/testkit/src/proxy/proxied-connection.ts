import { createConnection, type Socket } from 'node:net';
import { DelayLine } from './delay-line.js';

/** What the wire does to bytes now. */
export type Wire = { readonly mode: 'forward'; readonly latencyMs: number } | { readonly mode: 'blackhole' };

export interface ConnectionOwner {
  /** Read for every chunk: a change takes effect on open connections. */
  wire(): Wire;
  readonly target: { readonly host: string; readonly port: number };
  received(direction: 'up' | 'down', bytes: number): void;
  closed(connection: ProxiedConnection): void;
}

/** One client's connection and the proxy's own to the target; both end together. */
export class ProxiedConnection {
  readonly #owner: ConnectionOwner;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #lines = [new DelayLine(), new DelayLine()] as const;
  #holed = false;

  constructor(client: Socket, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#client = client;
    this.#server = createConnection({ ...owner.target, allowHalfOpen: true, noDelay: true });
    this.#carry(client, this.#server, 'up');
    this.#carry(this.#server, client, 'down');
  }

  /** Whether anything was swallowed: the stream has a hole and can never be right again. */
  get holed(): boolean {
    return this.#holed;
  }

  /** Both peers see ECONNRESET at their next look. */
  reset(): void {
    for (const line of this.#lines) line.close();
    reset(this.#client);
    reset(this.#server);
  }

  #carry(from: Socket, to: Socket, direction: 'up' | 'down'): void {
    from.on('data', (chunk: Buffer) => {
      this.#owner.received(direction, chunk.length);
      this.#send(direction, () => {
        if (to.write(chunk)) return;
        from.pause();
        to.once('drain', () => from.resume());
      });
    });
    from.once('end', () => this.#send(direction, () => to.end()));
    from.on('error', () => this.#broken());
    from.once('close', () => this.#ended());
  }

  /** A byte or an end of stream on its way; in a blackhole neither arrives. */
  #send(direction: 'up' | 'down', deliver: () => void): void {
    const wire = this.#owner.wire();
    if (wire.mode === 'blackhole') this.#holed = true;
    else this.#lines[direction === 'up' ? 0 : 1].push(wire.latencyMs, deliver);
  }

  /** One side was reset, or the target refused: the other learns of it unless the wire is silent. */
  #broken(): void {
    if (this.#owner.wire().mode === 'blackhole') this.#holed = true;
    else this.reset();
  }

  #ended(): void {
    if (!this.#client.destroyed || !this.#server.destroyed) return;
    for (const line of this.#lines) line.close();
    this.#owner.closed(this);
  }
}

/**
 * libuv does not reset a socket that is being shut down: the handle would never close, and the process would spin on
 * exit. One that still connects would be reset only once it is connected.
 */
function reset(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
