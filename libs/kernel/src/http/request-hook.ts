import type { IncomingMessage, ServerResponse } from 'node:http';
import { types } from 'node:util';
import type { AbstractHttpAdapter } from '@nestjs/core';

/** Called by both adapters before parsing, middleware, routing and guards; goes on when `done` is called. */
export type RequestHook = (request: unknown, response: unknown, done: (error?: Error) => void) => void;

interface HookList {
  add(hook: RequestHook): void;
}

/** Where an owner of the adapter's single slot offers it to others. */
const HOOK_LIST = Symbol.for('infra-kit:request-hooks');

function isHookList(value: unknown): value is HookList {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'add') === 'function';
}

/**
 * Adds a request hook. The adapter has one slot: who owns it is asked to call ours (the umbrella does, inside its own
 * context); a hook that was there before is called first, and ours inside it.
 */
export function addRequestHook(adapter: AbstractHttpAdapter, hook: RequestHook): void {
  const list: unknown = Reflect.get(adapter, HOOK_LIST);
  if (isHookList(list)) return list.add(hook);
  const present: unknown = Reflect.get(adapter, 'onRequestHook');
  const owned = Object.hasOwn(adapter, 'setOnRequestHook');
  adapter.setOnRequestHook(
    typeof present === 'function' && !owned ? inside(present as RequestHook, hook) : hook,
  );
}

/** `outer` may go on by calling `done` or, on Fastify, by the promise that it returns. */
function inside(outer: RequestHook, hook: RequestHook): RequestHook {
  return (request, response, done) => {
    let gone = false;
    const goOn = (error?: Error): void => {
      if (gone) return;
      gone = true;
      if (error) done(error);
      else hook(request, response, done);
    };
    const settled: unknown = outer(request, response, goOn);
    if (types.isPromise(settled) && 'raw' in Object(request)) settled.then(() => goOn(), goOn);
    else if (types.isPromise(settled)) settled.catch(goOn);
  };
}

/** Where telemetry leaves the id of a request's span, on Node's request, for log lines written outside of it. */
export const SERVER_SPAN = Symbol.for('infra-kit:server-span');

/** Node's own objects behind Express's (which they are) or Fastify's (which have them as `raw`). */
export function rawOf(request: unknown, response: unknown): [IncomingMessage, ServerResponse] {
  const raw = (value: unknown): unknown => Reflect.get(Object(value), 'raw') ?? value;
  return [raw(request) as IncomingMessage, raw(response) as ServerResponse];
}
