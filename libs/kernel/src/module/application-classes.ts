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
