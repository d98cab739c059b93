import type { HttpAdapterHost } from '@nestjs/core';

const ALWAYS = ['content-type', 'content-language', 'location', 'etag'];
export const REPLAYED_HEADER = 'Idempotent-Replayed';
const SERVER_ERROR = 500;

/** An answer as it is kept. A body that is no JSON but bytes goes as base64. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly bytes?: string;
}

/** Carries a returned answer of 500 and above past the store: its key is free. */
export class ServerFailure extends Error {
  readonly body: unknown;

  constructor(body: unknown) {
    super('an answer of 500 or above is not kept');
    this.body = body;
  }
}

interface Response {
  readonly statusCode: number;
  getHeader(name: string): unknown;
}

const isResponse = (value: unknown): value is Response =>
  typeof value === 'object' && value !== null && typeof Reflect.get(value, 'getHeader') === 'function';

/** Express' response or Fastify's reply, of one request. */
export class HttpAnswer {
  readonly #response: unknown;
  readonly #adapter: HttpAdapterHost['httpAdapter'];
  readonly #names: readonly string[];
  /** As Nest has set it for the route. */
  readonly #begunStatus: number;

  constructor(response: unknown, host: HttpAdapterHost, replayHeaders: readonly string[] = []) {
    this.#response = response;
    this.#adapter = host.httpAdapter;
    this.#begunStatus = isResponse(response) ? response.statusCode : 0;
    this.#names = [...ALWAYS, ...replayHeaders.map((name) => name.toLowerCase())];
  }

  get failed(): boolean {
    return isResponse(this.#response) && !this.#isSent && this.#response.statusCode >= SERVER_ERROR;
  }

  /** Answered by another, as when a limit ran out or the caller left: what stands is not the handler's. */
  get #isSent(): boolean {
    const response = Object(this.#response) as object;
    return Reflect.get(response, 'headersSent') === true || Reflect.get(response, 'sent') === true;
  }

  /** What stands when the handler has given its value. */
  taken(body: unknown): Answer {
    const response = this.#response;
    if (!isResponse(response)) return { status: 0, headers: {}, body };
    const isSent = this.#isSent;
    const headers = (isSent ? [] : this.#names)
      .map((name) => [name, response.getHeader(name)] as const)
      .filter(([, value]) => value !== undefined);
    const base = {
      status: isSent ? this.#begunStatus : response.statusCode,
      headers: Object.fromEntries(headers),
    };
    return body instanceof Uint8Array
      ? { ...base, bytes: Buffer.from(body).toString('base64') }
      : { ...base, body };
  }

  replay({ status, headers }: Answer): void {
    this.#adapter.status(this.#response, status);
    for (const [name, value] of Object.entries(headers))
      this.#adapter.setHeader(this.#response, name, value as string);
    this.markReplayed();
  }

  markReplayed(): void {
    this.#adapter.setHeader(this.#response, REPLAYED_HEADER, 'true');
  }
}

export function bodyOf({ body, bytes }: Answer): unknown {
  return bytes === undefined ? body : Buffer.from(bytes, 'base64');
}
