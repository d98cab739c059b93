import type { InjectionToken } from '@nestjs/common';
import { Observable, throwError } from 'rxjs';
import { injectedProvider, injectProvider } from './inject-provider.js';

/** A method that a wrapper of the suite can stand on; any parameters. */
type AsyncMethod = (...args: never[]) => Promise<unknown> | Observable<unknown>;

/** A decorator for methods that return a promise or an Observable: on others the compiler refuses it. */
export type AsyncMethodDecorator = <M extends AsyncMethod>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/** One call of a decorated method. */
export interface MethodCall<P> {
  readonly provider: P;
  /** The instance: `this` of the method. */
  readonly self: object;
  readonly args: readonly unknown[];
  readonly key: string | symbol;
  /** What this decorator has put in the method's place: tells stacked decorators and `super` calls apart. */
  readonly wrapper: (...args: unknown[]) => unknown;
  /** The method is declared to return an Observable (known by emitDecoratorMetadata). */
  readonly streams: boolean;
  /** Runs the method, or the decorator below this one. */
  readonly proceed: () => unknown;
}

export interface MethodDecoration<P> {
  /** For messages: '@Cacheable'. */
  readonly decorator: string;
  readonly token: InjectionToken;
  /** Runs in place of the method; what it returns or throws is what the caller gets. */
  readonly around: (call: MethodCall<P>) => unknown;
}

const isMethod = (value: unknown): value is (...args: unknown[]) => unknown => typeof value === 'function';

function copyTraits(from: object, to: object): void {
  for (const name of Reflect.ownKeys(from)) {
    const trait = Reflect.getOwnPropertyDescriptor(from, name);
    if (trait !== undefined && name !== 'prototype') Reflect.defineProperty(to, name, trait);
  }
  for (const name of Reflect.getOwnMetadataKeys(from) as unknown[])
    Reflect.defineMetadata(name, Reflect.getOwnMetadata(name, from), to);
}

function returnsObservable(target: object, key: string | symbol): boolean {
  const type: unknown = Reflect.getMetadata('design:returntype', target, key);
  return typeof type === 'function' && (type === Observable || type.prototype instanceof Observable);
}

/**
 * Makes a method decorator that cannot silently do nothing: it injects its provider as a property of the class, so it
 * works on controllers, services, message handlers, inherited and request-scoped classes, and without the provider's
 * module the application does not start. Name, length and metadata of the method stay, so it may stand on either side
 * of `@Get` and the like. Several wrap each other, the topmost outermost.
 */
export function decorateMethod<P>({ decorator, token, around }: MethodDecoration<P>): MethodDecorator {
  return (target: object, key: string | symbol, descriptor: PropertyDescriptor) => {
    const original: unknown = descriptor?.value;
    if (!isMethod(original) || typeof target === 'function')
      throw new TypeError(`${decorator} stands on methods of instances; ${String(key)} is none`);
    const streams = returnsObservable(target, key);
    const wrapper = function (this: object, ...args: unknown[]): unknown {
      let provider: P;
      try {
        provider = injectedProvider<P>(this, token, `${decorator} on ${String(key)}`);
      } catch (error) {
        // as the method's own errors come
        return streams ? throwError(() => error) : Promise.reject(error as Error);
      }
      return around({
        provider,
        self: this,
        args,
        key,
        wrapper,
        streams,
        proceed: () => Reflect.apply(original, this, args),
      });
    };
    copyTraits(original, wrapper);
    injectProvider(target, token);

    descriptor.value = wrapper;
  };
}
