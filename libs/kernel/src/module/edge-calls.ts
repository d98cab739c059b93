import { AsyncLocalStorage } from 'node:async_hooks';

/** What a decorator of the suite does once a call, by whatever names it: a rule, an operation. */
type Done = ReadonlySet<unknown>;

/** One call of a decorated method, as wrappers see it. */
interface Frame {
  readonly self: object;
  readonly key: string | symbol;
  readonly wrappers: ReadonlySet<unknown>;
  readonly done: Set<unknown>;
}

/** For the one call that a handler's edge has let through. */
interface Ticket {
  readonly handler: unknown;
  readonly done: Done;
  used: boolean;
}

interface Ambient {
  readonly ticket?: Ticket | undefined;
  readonly frame?: Frame | undefined;
}

/** Who is called: `handler` is what stands on the instance under the method's name. */
export interface EnteredCall {
  readonly self: object;
  readonly key: string | symbol;
  readonly wrapper: unknown;
}

/**
 * Lets an edge (guard, interceptor) and the wrappers on methods do one thing once a call. The edge issues a ticket for its
 * handler, good for one call; the handler's wrapper takes it and stands aside. Wrappers stacked on one method, and those of
 * its `super` method, share what was done; any other call, of the same handler too, starts anew.
 */
export class EdgeCalls {
  readonly #ambient = new AsyncLocalStorage<Ambient>();

  /** Runs `fn`, which leads to one call of `handler` for which `done` is done. */
  admit<T>(handler: unknown, done: Done, fn: () => T): T {
    return this.#ambient.run({ ticket: { handler, done, used: false } }, fn);
  }

  /** What is done for this call already: add to it what you do, then run the method by `frame`. */
  enter({ self, key, wrapper }: EnteredCall): Frame {
    const { ticket, frame } = this.#ambient.getStore() ?? {};
    const same =
      frame?.self === self && frame.key === key && !frame.wrappers.has(wrapper) ? frame : undefined;
    const done = new Set(same?.done);
    if (ticket && !ticket.used && ticket.handler === Reflect.get(self, key)) {
      ticket.used = true;
      for (const one of ticket.done) done.add(one);
    }
    return { self, key, wrappers: new Set([...(same?.wrappers ?? []), wrapper]), done };
  }

  run<T>(frame: Frame, fn: () => T): T {
    return this.#ambient.run({ frame }, fn);
  }
}
