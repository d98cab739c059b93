import type { AbstractHttpAdapter } from '@nestjs/core';

/** A hook of the HTTP adapter: runs before body parsing, routing and guards; must call `done` once, synchronously or later. */
export type RequestHook = (request: unknown, response: unknown, done: () => void) => void;

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
    adapter.setOnRequestHook?.((request: unknown, response: unknown, done: () => void) =>
      this.#run(0, request, response, done),
    );
    Object.defineProperty(adapter, 'setOnRequestHook', {
      configurable: true,
      value: (hook: RequestHook) => {
        this.#application = hook;
      },
    });
  }

  #run(index: number, request: unknown, response: unknown, done: () => void): void {
    const hook = this.#hooks[index];
    if (hook !== undefined)
      return hook(request, response, () => this.#run(index + 1, request, response, done));
    if (this.#application !== undefined) return this.#application(request, response, done);
    return done();
  }
}
