import { Inject, type InjectionToken } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { InfraError } from '../errors/infra-error.js';
import { missingModule } from './missing-module.js';

const MARK = 'infra-kit: ';
/** Where Nest keeps the property injections of a class. */
const PROPERTY_INJECTIONS = 'self:properties_metadata';

/** The property that holds the provider. Nest prints its description when nobody provides it: so that is what to add. */
function propertyOf(token: InjectionToken): symbol {
  return Symbol.for(`${MARK}${missingModule(token)}`);
}

/**
 * Lets Nest inject the provider of `token` into each instance of a class, subclasses and request-scoped ones included.
 * Without such a provider the application does not start, and the error says which import to add. Read the provider
 * with `injectedProvider`. Twice for one class and token is once.
 */
export function injectProvider(prototype: object, token: InjectionToken): void {
  Inject(token)(prototype, propertyOf(token));
}

/** What `injectProvider` has brought. FAILED_PRECONDITION, with the import to add, for an instance Nest does not know. */
export function injectedProvider<P>(instance: unknown, token: InjectionToken, who: string): P {
  const property = propertyOf(token);
  const provider: unknown =
    typeof instance === 'object' && instance !== null ? Reflect.get(instance, property) : undefined;
  if (provider === undefined || provider === null)
    throw new InfraError(
      'FAILED_PRECONDITION',
      `${who}: nobody has given this object its provider; ${missingModule(token)}, and let Nest make the object`,
    );
  return provider as P;
}

interface PropertyInjection {
  readonly key: PropertyKey;
  readonly type: InjectionToken;
}

function ownInjections(instance: object): PropertyInjection[] {
  const made: unknown = Reflect.get(instance, 'constructor');
  if (typeof made !== 'function') return [];
  const all = (Reflect.getMetadata(PROPERTY_INJECTIONS, made) ?? []) as PropertyInjection[];
  return all.filter(({ key }) => typeof key === 'symbol' && Symbol.keyFor(key)?.startsWith(MARK));
}

/**
 * Does for the instances that factories and `useValue` brought what Nest does for classes it makes itself. Throws for
 * a provider that is missing. A frozen object is left: it fails at its first call.
 */
export function provideToFactoryMade(modules: ModulesContainer): void {
  const wrappers = [...modules.values()].flatMap((module) => [...module.providers.values()]);
  for (const { instance, isNotMetatype, token } of wrappers) {
    if (!isNotMetatype || typeof instance !== 'object' || instance === null) continue;
    for (const { key, type } of ownInjections(instance)) {
      if (Reflect.get(instance, key) !== undefined) continue;
      const provider: unknown = wrappers.find((wrapper) => wrapper.token === type)?.instance;
      if (provider === undefined)
        throw new InfraError(
          'FAILED_PRECONDITION',
          `${String(typeof token === 'function' ? token.name : token)} needs a module that is missing; ${missingModule(type)}`,
        );
      Reflect.defineProperty(instance, key, { value: provider, configurable: true, writable: true });
    }
  }
}
