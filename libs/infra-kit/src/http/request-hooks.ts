import { types } from 'node:util';
import type { AbstractHttpAdapter } from '@nestjs/core';

/**
 * A hook of the HTTP adapter: runs before body parsing, routing and guards. The request goes on when `done` is called,
 * or, on Fastify, when the promise that the hook returns settles.
 */
export type RequestHook = (request: unknown, response: unknown, done: (error?: Error) => void) => unknown;

/** Where components find the list on the adapter, without knowing the umbrella. */
const HOOK_LIST = Symbol.for('infra-kit:request-hooks');

/**
 * The adapter has one slot for a request hook. This owns it and lets several share it: each hook calls the next
 * inside its own context, and a hook that the application had set, or sets later, is called last.
 */
export class RequestHooks {
  readonly #hooks: RequestHook[] = [];
  #application: RequestHook | undefined;

  /** Hooks run in the order in which they were added; the first is outermost. */
  add(hook: RequestHook): void {
    this.#hooks.push(hook);
  }

  install(adapter: AbstractHttpAdapter): void {
    const present: unknown = Reflect.get(adapter, 'onRequestHook');
    if (typeof present === 'function') this.#application = present as RequestHook;
    adapter.setOnRequestHook((request: unknown, response: unknown, done: (error?: Error) => void) =>
      this.#run(0, request, response, done),
    );
    Object.defineProperty(adapter, HOOK_LIST, { configurable: true, value: this });
    Object.defineProperty(adapter, 'setOnRequestHook', {
      configurable: true,
      value: (hook: RequestHook) => {
        this.#application = hook;
      },
    });
  }

  #run(index: number, request: unknown, response: unknown, done: (error?: Error) => void): void {
    const hook = this.#hooks[index] ?? (index === this.#hooks.length ? this.#application : undefined);
    if (hook === undefined) return done();
    let gone = false;
    const next = (error?: Error): void => {
      if (gone) return;
      gone = true;
      if (error === undefined) this.#run(index + 1, request, response, done);
      else done(error);
    };
    const settled = hook(request, response, next);
    if (!types.isPromise(settled)) return;
    const onFastify = 'raw' in Object(request);
    settled.then(onFastify ? () => next() : undefined, (error: unknown) => next(toError(error)));
  }
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
