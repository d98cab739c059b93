import { SetMetadata, UseGuards, UseInterceptors } from '@nestjs/common';
import { decorateMethod, type MethodCall } from '@infra-kit/kernel';
import { defer, finalize, from, switchMap, type Observable } from 'rxjs';
import { RateLimitProvider, type RateLimitRule } from '../ratelimit.provider.js';
import { edgeCalls, operationCharges } from './edge.js';
import { RateLimitEdgeInterceptor } from './edge.interceptor.js';
import { forwardInherited, handlersOf, isResolver } from './handlers.js';
import { checksOf, enter, exceeded, type Entered } from './limiter.js';
import { currentIntake } from './message-intake.js';
import { RateLimitGuard } from './ratelimit.guard.js';
import {
  CLASS_USES,
  identityOf,
  isSkipped,
  SKIPPED,
  useListOf,
  USES,
  type RateLimitUse,
  type UseList,
} from './uses.js';

const DECORATOR = '@RateLimit';

function asUse(given: string | RateLimitRule | RateLimitUse): RateLimitUse {
  if (typeof given === 'object' && given !== null && 'rule' in given) return given;
  return { rule: given };
}

/** Decides until the call may pass. A message waits where its intake can pause, anything else throws. */
async function admitted(
  { provider, self, args, key }: MethodCall<RateLimitProvider>,
  uses: readonly RateLimitUse[],
): Promise<Entered> {
  const method = `${self.constructor.name}.${String(key)}`;
  for (;;) {
    const entered = await enter(provider, checksOf(uses, self, args, method));
    if (entered.allowed) return entered;
    const refusal = exceeded(provider, entered.decisions);
    const intake = currentIntake();
    if (intake === undefined || refusal.retryAfterMs === undefined) throw refusal;
    await intake.pause(refusal.retryAfterMs);
  }
}

function release({ permits }: Entered): void {
  for (const permit of permits) void permit.release();
}

function around(list: UseList, call: MethodCall<RateLimitProvider>): unknown {
  const frame = edgeCalls.enter(call);
  const proceed = (): unknown => edgeCalls.run(frame, call.proceed);
  const method: unknown = Reflect.get(call.self, call.key);
  const charged = isResolver(method) ? operationCharges() : undefined;
  const uses = list.uses.filter((use) => {
    const identity = identityOf(use);
    if (frame.done.has(identity) || charged?.has(identity) === true) return false;
    return !isSkipped(nameOf(use), call.self.constructor, method);
  });
  if (uses.length === 0) return proceed();
  for (const use of uses) {
    frame.done.add(identityOf(use));
    charged?.add(identityOf(use));
  }
  if (!call.streams) return decided(call, uses, proceed);
  return defer(() => from(admitted(call, uses))).pipe(
    switchMap((entered) => (proceed() as Observable<unknown>).pipe(finalize(() => release(entered)))),
  );
}

async function decided(
  call: MethodCall<RateLimitProvider>,
  uses: readonly RateLimitUse[],
  proceed: () => unknown,
): Promise<unknown> {
  const entered = await admitted(call, uses);
  try {
    return await proceed();
  } finally {
    release(entered);
  }
}

const nameOf = ({ rule }: RateLimitUse): string | undefined => (typeof rule === 'string' ? rule : undefined);

function onMethod(
  use: RateLimitUse,
  target: object,
  key: string | symbol,
  descriptor: PropertyDescriptor,
): void {
  const present = useListOf(descriptor.value);
  if (present !== undefined && present.wrapper === descriptor.value) {
    // stacked: one wrapper, one round trip
    present.uses.unshift(use);
    return;
  }
  const list: UseList = { uses: [use], wrapper: undefined, below: present };
  decorateMethod<RateLimitProvider>({
    decorator: DECORATOR,
    token: RateLimitProvider,
    around: (call) => around(list, call),
  })(target, key, descriptor);
  const wrapper: unknown = descriptor.value;
  if (typeof wrapper !== 'function') return;
  list.wrapper = wrapper;
  Reflect.defineMetadata(USES, list, wrapper);
  if (present !== undefined) return;
  UseGuards(RateLimitGuard)(target, key, descriptor);
  UseInterceptors(RateLimitEdgeInterceptor)(target, key, descriptor);
}

/** Every handler of the class, inherited ones too; on a class without handlers it could do nothing, so it is refused. */
function onClass(use: RateLimitUse, cls: (...args: never[]) => unknown): void {
  const own: unknown = cls.prototype;
  if (typeof own !== 'object' || own === null)
    throw new TypeError(`${DECORATOR} stands on classes and methods`);
  const handlers = handlersOf(own);
  if (handlers.length === 0)
    throw new TypeError(
      `${DECORATOR} on ${cls.name}: the class has no handlers; put it on the methods to be limited`,
    );
  const present = Reflect.getOwnMetadata(CLASS_USES, cls) as readonly RateLimitUse[] | undefined;
  const inherited = (Reflect.getMetadata(CLASS_USES, cls) ?? []) as readonly RateLimitUse[];
  Reflect.defineMetadata(CLASS_USES, [use, ...(present ?? inherited)], cls);
  for (const key of handlers) {
    const descriptor = forwardInherited(own, key);
    if (descriptor === undefined || useListOf(descriptor.value) !== undefined) continue;
    UseGuards(RateLimitGuard)(own, key, descriptor);
    UseInterceptors(RateLimitEdgeInterceptor)(own, key, descriptor);
  }
}

/**
 * Limits calls of a handler or of any provider's method; on a class, of every handler in it. Several may be stacked:
 * all are spent or none, in one round trip. A refused call throws `RateLimitExceededError` (HTTP 429). A rule that
 * nobody has configured stops the start. A method that is called past the edge returns a promise.
 */
export function RateLimit(rule: string | RateLimitRule | RateLimitUse): ClassDecorator & MethodDecorator {
  const use = asUse(rule);
  return ((target: object, key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    if (key === undefined || descriptor === undefined) onClass(use, target as (...args: never[]) => unknown);
    else onMethod(use, target, key, descriptor);
  }) as ClassDecorator & MethodDecorator;
}

/** Takes the named rules (none named: all) off a handler or class: those of decorators, and the guard's default rule. */
export function SkipRateLimit(...rules: string[]): ClassDecorator & MethodDecorator {
  return SetMetadata(SKIPPED, rules);
}
