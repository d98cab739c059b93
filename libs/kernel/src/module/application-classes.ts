import type { ModulesContainer } from '@nestjs/core';

/** Every class that Nest makes in an application: controllers, and providers that are classes. */
export function classesOf(modules: ModulesContainer): Set<object> {
  const classes = new Set<object>();
  for (const module of modules.values())
    for (const { metatype } of [...module.controllers.values(), ...module.providers.values()])
      if (typeof metatype === 'function' && typeof metatype.prototype === 'object') classes.add(metatype);
  return classes;
}

/** The methods of a class' instances, from the class up; an overridden one comes again under its name. */
export function* methodsOf(cls: object): Generator<[name: string, method: object]> {
  for (
    let at: unknown = Reflect.get(cls, 'prototype');
    typeof at === 'object' && at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  )
    for (const key of Reflect.ownKeys(at)) {
      const method: unknown = Reflect.getOwnPropertyDescriptor(at, key)?.value;
      if (key !== 'constructor' && typeof method === 'function') yield [String(key), method];
    }
}

/** Puts `last` behind all others of a method's guards or interceptors, where it is among them. Idempotent. */
export function moveToEnd(method: object, list: string, last: unknown): void {
  const present = (Reflect.getOwnMetadata(list, method) ?? []) as readonly unknown[];
  if (!present.includes(last) || present.at(-1) === last) return;
  Reflect.defineMetadata(list, [...present.filter((one) => one !== last), last], method);
}

/** Metadata keys of @nestjs/websockets and of `@UseFilters`, read and written without depending on the package. */
const GATEWAY = 'websockets:is_gateway';
const FILTERS = '__exceptionFilters__';

/**
 * WebSocket gateways ignore global filters. Puts `filter` first in the own list of a class that is one, where it is asked
 * last: filters of the application win. The list is the class', in every application of the process: `filter` must hold
 * no state, and be one object. Idempotent; to be done before gateways are connected.
 */
export function addGatewayFilter(cls: object, filter: object): void {
  if (!Reflect.hasMetadata(GATEWAY, cls)) return;
  const present = (Reflect.getMetadata(FILTERS, cls) ?? []) as readonly unknown[];
  if (!present.includes(filter)) Reflect.defineMetadata(FILTERS, [filter, ...present], cls);
}
