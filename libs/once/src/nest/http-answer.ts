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
  #left: Pick<Answer, 'status' | 'headers'> | undefined;

  constructor(response: unknown, host: HttpAdapterHost, replayHeaders: readonly string[] = []) {
    this.#response = response;
    this.#adapter = host.httpAdapter;
    this.#names = [...ALWAYS, ...replayHeaders.map((name) => name.toLowerCase())];
  }

  get failed(): boolean {
    return (this.#left ?? this.#standing()).status >= SERVER_ERROR;
  }

  /** Nobody waits for the handler any more, its caller is answered otherwise: what stands from now on is not its own. */
  leave(): void {
    this.#left ??= this.#standing();
  }

  /** What stands when the handler has given its value. */
  taken(body: unknown): Answer {
    const base = this.#left ?? this.#standing();
    return body instanceof Uint8Array
      ? { ...base, bytes: Buffer.from(body).toString('base64') }
      : { ...base, body };
  }

  #standing(): Pick<Answer, 'status' | 'headers'> {
    const response = this.#response;
    if (!isResponse(response)) return { status: 0, headers: {} };
    const headers = this.#names
      .map((name) => [name, response.getHeader(name)] as const)
      .filter(([, value]) => value !== undefined);
    return { status: response.statusCode, headers: Object.fromEntries(headers) };
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
