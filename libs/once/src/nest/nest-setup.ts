import type { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { addGatewayFilter, classesOf, documentAnswers, methodsOf, moveToEnd } from '@infra-kit/kernel';
import { DefaultOnceProvider } from '../default-once.provider.js';
import { invalidArgument, oncePlace } from '../once.errors.js';
import type { OnceProvider } from '../once.provider.js';
import { IdempotencyEdgeInterceptor, IdempotencyInterceptor } from './idempotency.interceptor.js';
import { documentKey } from './open-api.js';
import { OnceRefusalFilter } from './refusal.filter.js';
import { useOf, type IdempotentOptions, type Instances } from './uses.js';

const INTERCEPTORS = '__interceptors__';
const PATH = 'path';
const SSE = '__sse__';
const ROUTE_ARGUMENTS = '__routeArguments__';
const PASSTHROUGH = '__responsePassthrough__';
/** Kinds of parameters, as the keys of Nest's metadata begin: @Res and @Next. */
const ANSWERS_ITSELF = ['1:', '2:'];

/** One for all applications of the process, because metadata of a class is shared by them: it holds no state. */
const GATEWAY_FILTER = new OnceRefusalFilter();

/**
 * What has to be done to the classes of an application before Nest builds its handlers: the interceptor that is outermost,
 * those that are innermost, the filters, and refusal of handlers whose answers cannot be kept.
 */
export function setUpApplication(
  provider: OnceProvider,
  modules: ModulesContainer,
  config: ApplicationConfig,
  host: HttpAdapterHost,
  moduleRef: ModuleRef,
): void {
  config.getGlobalFilters().unshift(new OnceRefusalFilter({ host }));
  config
    .getGlobalInterceptors()
    .unshift(new IdempotencyInterceptor({ provider, host, instanceOf: instances(moduleRef) }));
  for (const cls of classesOf(modules)) {
    addGatewayFilter(cls, GATEWAY_FILTER);
    for (const [name, method] of methodsOf(cls)) {
      const use = useOf(method);
      if (use === undefined) continue;
      refuseUnfit(provider, cls, name, method, use);
      moveToEnd(method, INTERCEPTORS, IdempotencyEdgeInterceptor);
      documentAnswers(cls, method, {
        409: { description: 'The same request is being worked on, or its result is gone' },
        422: { description: 'The key was used with another payload' },
        503: { description: 'The store of the keys is away' },
      });
      documentKey(method, use);
    }
  }
}

/** `this` of key functions; a request-scoped class has no instance yet: its prototype stands in. */
function instances(moduleRef: ModuleRef): Instances {
  const known = new WeakMap<object, unknown>();
  return (context) => {
    const cls = context.getClass();
    if (!known.has(cls)) known.set(cls, found(moduleRef, cls) ?? cls.prototype);
    return known.get(cls);
  };
}

function found(moduleRef: ModuleRef, cls: Parameters<ModuleRef['get']>[0]): unknown {
  try {
    return moduleRef.get<unknown>(cls, { strict: false });
  } catch {
    return undefined;
  }
}

function refuseUnfit(
  provider: OnceProvider,
  cls: object,
  name: string,
  method: object,
  use: IdempotentOptions,
): void {
  const where = `@Idempotent on ${String(Reflect.get(cls, 'name'))}.${name}`;
  const refuse = (what: string): Error => invalidArgument(oncePlace(provider.name), `${where}: ${what}`);
  const overHttp = Reflect.hasOwnMetadata(PATH, method);
  if (!overHttp && use.key === undefined)
    throw refuse('no HTTP handler has no header: it needs a key function');
  if (provider instanceof DefaultOnceProvider && use.store !== undefined && !provider.hasStore(use.store))
    throw refuse(`store '${use.store}' needs a ${use.store === 'db' ? 'database' : 'cache'}; add one`);
  if (!overHttp) return;
  if (Reflect.hasMetadata(SSE, method)) throw refuse('an answer of @Sse cannot be kept');
  const args = (Reflect.getMetadata(ROUTE_ARGUMENTS, cls, name) ?? {}) as object;
  const itself = Object.keys(args).some((key) => ANSWERS_ITSELF.some((start) => key.startsWith(start)));
  if (itself && Reflect.getMetadata(PASSTHROUGH, cls, name) !== true)
    throw refuse('an answer the handler sends itself cannot be kept; use @Res({ passthrough: true })');
}
