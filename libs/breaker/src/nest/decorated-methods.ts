import type { ModulesContainer } from '@nestjs/core';
import type { CircuitBreakerOptions } from './circuit-breaker.options.js';

const DECORATED = Symbol('infra-kit:circuit-breaker');

/** A method that a breaker stands before, and how it was asked to. */
export interface DecoratedMethod {
  readonly prototype: object;
  readonly key: string | symbol;
  readonly options: CircuitBreakerOptions;
}

export function remember(prototype: object, key: string | symbol, options: CircuitBreakerOptions): void {
  Reflect.defineMetadata(DECORATED, [...optionsOf(prototype, key), options], prototype, key);
}

function optionsOf(prototype: object, key: string | symbol): CircuitBreakerOptions[] {
  return (Reflect.getOwnMetadata(DECORATED, prototype, key) ?? []) as CircuitBreakerOptions[];
}

/** The decorated methods of every class that an application makes or was given instances of, inherited ones included. */
export function decoratedMethods(modules: ModulesContainer): DecoratedMethod[] {
  const wrappers = [...modules.values()].flatMap(({ providers, controllers, injectables }) => [
    ...providers.values(),
    ...controllers.values(),
    ...injectables.values(),
  ]);
  const prototypes = wrappers.flatMap(({ metatype, instance }) => [
    typeof metatype === 'function' ? (metatype.prototype as unknown) : undefined,
    typeof instance === 'object' && instance !== null
      ? (Object.getPrototypeOf(instance) as unknown)
      : undefined,
  ]);
  return [...new Set(prototypes)].flatMap((prototype) => methodsOf(prototype));
}

function methodsOf(leaf: unknown): DecoratedMethod[] {
  const found: DecoratedMethod[] = [];
  for (
    let level: unknown = leaf;
    typeof level === 'object' && level !== null && level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  )
    for (const key of Reflect.ownKeys(level))
      for (const options of optionsOf(level, key))
        found.push({ prototype: Object(leaf) as object, key, options });
  return found;
}
