import { UseInterceptors } from '@nestjs/common';
import { decorateMethod, type MethodCall } from '@infra-kit/kernel';
import { defer, from, lastValueFrom, mergeMap, toArray, type Observable } from 'rxjs';
import { invalidArgument, oncePlace } from '../once.errors.js';
import { OnceProvider, type OnceOptions } from '../once.provider.js';
import { DECIDED, edgeCalls } from './edge.js';
import { IdempotencyEdgeInterceptor } from './idempotency.interceptor.js';
import { withCaller } from './http-request.js';
import { callOptions, USE, useOf, useProblem, type IdempotentOptions } from './uses.js';

const DECORATOR = '@Idempotent';

/** The key of a call that came past no edge. */
function keyed(
  { provider, self, args, key: method }: MethodCall<OnceProvider>,
  use: IdempotentOptions,
): {
  key: string;
  options: OnceOptions;
} {
  const where = `${self.constructor.name}.${String(method)}`;
  if (use.key === undefined)
    throw invalidArgument(
      oncePlace(provider.name),
      `${where} was called without a request to take its key from; give ${DECORATOR} a key function`,
    );
  const scope = use.scope === undefined ? '' : (Reflect.apply(use.scope, self, args) as string);
  const fingerprint: unknown =
    typeof use.fingerprint === 'function' ? Reflect.apply(use.fingerprint, self, args) : undefined;
  return {
    key: Reflect.apply(use.key, self, args) as string,
    options: { ...callOptions(use), scope: withCaller(where, scope), fingerprint },
  };
}

function around(use: IdempotentOptions, call: MethodCall<OnceProvider>): unknown {
  const frame = edgeCalls.enter(call);
  const proceed = (): unknown => edgeCalls.run(frame, call.proceed);
  if (frame.done.has(DECIDED)) return proceed();
  frame.done.add(DECIDED);
  if (!call.streams) return decided(use, call, async () => proceed());
  const values = (): Promise<unknown[]> => lastValueFrom((proceed() as Observable<unknown>).pipe(toArray()));
  return defer(() => from(decided(use, call, values))).pipe(mergeMap((all) => from(all)));
}

async function decided<T>(
  use: IdempotentOptions,
  call: MethodCall<OnceProvider>,
  run: () => Promise<T>,
): Promise<T> {
  const { key, options } = keyed(call, use);
  return (await call.provider.execute(key, run, options)).value;
}

/**
 * Makes a handler, or any provider's method, happen once a key. Over HTTP the key is the header `Idempotency-Key`, by
 * draft-ietf-httpapi-idempotency-key-header-07: 400 without it, 409 while it is in flight, 422 for another payload, and
 * a replay of status, body and headers with `Idempotent-Replayed: true`. Anywhere else `key` makes it, and the method
 * returns a promise (or the Observable it is declared to return). Bad options throw where the decorator stands.
 */
export function Idempotent(options: IdempotentOptions = {}): MethodDecorator {
  const problem = useProblem(options);
  if (problem !== undefined) throw new TypeError(`${DECORATOR}: ${problem}`);
  return (target: object, key: string | symbol, descriptor: PropertyDescriptor) => {
    if (useOf(descriptor?.value) !== undefined)
      throw new TypeError(`${DECORATOR} stands twice on ${String(key)}`);
    decorateMethod<OnceProvider>({
      decorator: DECORATOR,
      token: OnceProvider,
      around: (call) => around(options, call),
    })(target, key, descriptor);
    Reflect.defineMetadata(USE, options, descriptor.value as object);
    UseInterceptors(IdempotencyEdgeInterceptor)(target, key, descriptor);
  };
}
