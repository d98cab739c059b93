import { Etcd3 } from 'etcd3';
import type { CallOptions } from '@grpc/grpc-js';
import { messageOf } from '@infra-kit/kernel';
import { callOptions } from './etcd-call.js';
import { EtcdDriverError, isStaleToken, looksAway, typed, wasNotSent } from './etcd-errors.js';
import { clientOptions, type EtcdDriverOptions } from './etcd-options.js';
import { EtcdToken } from './etcd-token.js';

export interface EtcdRequest {
  readonly signal: AbortSignal;
  /** Sent again to another member after it was lost on its way: only what may be done twice. */
  readonly repeatable?: boolean | undefined;
  /** A stream lives until it is cancelled. */
  readonly stream?: boolean | undefined;
}

type Send<T> = (client: Etcd3, options: CallOptions) => Promise<T>;

const DEFAULT_TIMEOUT_MS = 3000;

/** The front gave up because no answer came in time, which the call itself could not tell any more. */
function timedOut(signal: AbortSignal): EtcdDriverError | undefined {
  const code: unknown = signal.aborted ? Reflect.get(Object(signal.reason), 'code') : undefined;
  return code === 'DEADLINE_EXCEEDED' ? new EtcdDriverError(code, messageOf(signal.reason)) : undefined;
}

/**
 * The members of one cluster, asked one at a time: the one that answered last, and the next when it does not. What was
 * surely not sent goes to the next at once; what may have been applied is sent again only where that does no harm.
 */
export class EtcdEndpoints {
  readonly #clients: readonly Etcd3[];
  readonly #token: EtcdToken;
  readonly #timeoutMs: number;
  readonly #heard: (error: unknown) => void;
  #preferred = 0;
  #closed = false;

  /** `heard` is told how each call went: undefined, or its error. */
  constructor(options: EtcdDriverOptions, heard: (error: unknown) => void) {
    const { username, password, requestTimeoutMs = DEFAULT_TIMEOUT_MS } = options;
    this.#clients = options.endpoints.map((endpoint) => new Etcd3(clientOptions(endpoint, options)));
    this.#token = new EtcdToken(
      username === undefined || password === undefined ? undefined : { username, password },
    );
    this.#timeoutMs = requestTimeoutMs;
    this.#heard = heard;
  }

  /** The member that is asked first now. */
  get current(): Etcd3 {
    return this.#client(this.#preferred);
  }

  async call<T>(request: EtcdRequest, send: Send<T>): Promise<T> {
    const first = this.#preferred;
    for (let tried = 0; ; tried++) {
      const at = (first + tried) % this.#clients.length;
      try {
        const answer = await this.#ask(at, request, send);
        this.#preferred = at;
        // a stream is had before anybody has answered
        if (!request.stream) this.#heard(undefined);
        return answer;
      } catch (error) {
        const more = this.#goOn(at, request, error) && tried + 1 < this.#clients.length;
        if (more) continue;
        this.#heard(timedOut(request.signal) ?? error);
        throw error;
      }
    }
  }

  /** After a stream broke: the next attempt goes to another member. */
  next(): void {
    this.#preferred = (this.#preferred + 1) % this.#clients.length;
  }

  /** On a stream an answer came. */
  answered(): void {
    this.#heard(undefined);
  }

  /** For streams, which are told of a stale token in their own way. */
  forgetToken(): void {
    this.#token.forgetAny();
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients) client.close();
  }

  /** Whether the next member may be asked the same. From now on it is asked first when this one seems away. */
  #goOn(at: number, { signal, repeatable }: EtcdRequest, error: unknown): boolean {
    if (!looksAway(timedOut(signal) ?? error)) return false;
    this.#preferred = (at + 1) % this.#clients.length;
    return !signal.aborted && (repeatable === true || wasNotSent(error));
  }

  /** Twice at most: a token that has gone stale is renewed once. */
  async #ask<T>(at: number, request: EtcdRequest, send: Send<T>): Promise<T> {
    const client = this.#client(at);
    for (let again = false; ; again = true) {
      request.signal.throwIfAborted();
      const limit = Date.now() + this.#timeoutMs;
      const token = await this.#token.get(client, limit);
      request.signal.throwIfAborted();
      try {
        const deadline = request.stream ? undefined : limit;
        const { signal, stream: wantsLeader } = request;
        return await send(client, callOptions({ token, deadline, signal, wantsLeader }));
      } catch (error) {
        if (again || !isStaleToken(error)) throw typed(error);
        await this.#token.forget(token);
      }
    }
  }

  #client(at: number): Etcd3 {
    const client = this.#clients[at];
    if (client === undefined || this.#closed)
      throw new EtcdDriverError('FAILED_PRECONDITION', 'the driver is closed');
    return client;
  }
}
