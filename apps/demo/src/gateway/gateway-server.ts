import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

export const MODES = ['ok', 'slow', 'fail', 'hang'] as const;
export type GatewayMode = (typeof MODES)[number];

interface Charge {
  readonly id: string;
  readonly reference: string;
  readonly cents: number;
}

const DEFAULT_LATENCY_MS = 2000;

/** A payment gateway that can be told to misbehave: `PUT /mode` with `{ "mode": "slow", "latencyMs": 2000 }`. */
export class GatewayServer {
  readonly #charges = new Map<string, Charge>();
  #mode: GatewayMode = 'ok';
  #latencyMs = DEFAULT_LATENCY_MS;

  listen(port: number): Promise<Server> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch(() => reply(response, 400, { error: 'a JSON body is wanted' }));
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => resolve(server));
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '' } = request;
    const body =
      method === 'GET' ? {} : (JSON.parse((await text(request)) || '{}') as Record<string, unknown>);
    if (method === 'PUT' && url === '/mode') return this.#switch(body, response);
    if (this.#mode === 'hang') return;
    if (this.#mode === 'fail') return reply(response, 503, { error: 'the gateway is out of order' });
    const answer = (): void => this.#serve(method, url, body, response);
    if (this.#mode === 'slow') setTimeout(answer, this.#latencyMs);
    else answer();
  }

  #switch({ mode, latencyMs }: Record<string, unknown>, response: ServerResponse): void {
    const known = MODES.find((each) => each === mode);
    if (known === undefined) return reply(response, 400, { error: `mode is one of ${MODES.join(', ')}` });
    this.#mode = known;
    this.#latencyMs = typeof latencyMs === 'number' ? latencyMs : DEFAULT_LATENCY_MS;
    reply(response, 200, { mode: known, latencyMs: this.#latencyMs });
  }

  #serve(
    method: string | undefined,
    url: string,
    body: Record<string, unknown>,
    response: ServerResponse,
  ): void {
    const id = /^\/charges\/([\w-]+)$/.exec(url)?.[1];
    if (method === 'POST' && url === '/charges') return this.#charge(body, response);
    const found = method === 'GET' && id !== undefined ? this.#charges.get(id) : undefined;
    reply(response, found === undefined ? 404 : 200, found ?? { error: 'no such charge' });
  }

  /** Idempotent by reference: asked twice, it charges once. */
  #charge({ reference, cents }: Record<string, unknown>, response: ServerResponse): void {
    if (typeof reference !== 'string' || typeof cents !== 'number')
      return reply(response, 422, { error: 'reference and cents are wanted' });
    const charge = this.#charges.get(reference) ?? { id: reference, reference, cents };
    this.#charges.set(charge.id, charge);
    reply(response, 201, charge);
  }
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
