import { isDeepStrictEqual } from 'node:util';
import type { OnModuleInit } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { DEFAULT_INSTANCE } from '@infra-kit/kernel';
import type { BreakerProvider } from '../breaker.provider.js';
import { breakerFor } from './breaker-for.js';
import { selfFallback, twoPolicies, unknownFallback } from './circuit-breaker.decorator.js';
import { decoratedMethods, type DecoratedMethod } from './decorated-methods.js';

/** Refuses at start what decorators ask for and cannot have; makes their breakers, so that they are seen from the start. */
export class StartCheck implements OnModuleInit {
  readonly #modules: ModulesContainer;
  readonly #provider: BreakerProvider;

  constructor(modules: ModulesContainer, provider: BreakerProvider) {
    this.#modules = modules;
    this.#provider = provider;
  }

  onModuleInit(): void {
    const own = decoratedMethods(this.#modules).filter(
      ({ options }) => (options.provider ?? DEFAULT_INSTANCE) === this.#provider.name,
    );
    refuseTwoPolicies(own);
    for (const method of own) this.#check(method);
  }

  #check({ prototype, key, options }: DecoratedMethod): void {
    const { fallback } = options;
    if (fallback === key) throw selfFallback(`${prototype.constructor.name}.${key}`);
    if (typeof fallback === 'string' && typeof Reflect.get(prototype, fallback) !== 'function')
      throw unknownFallback(`${prototype.constructor.name}.${String(key)}`, fallback);
    breakerFor(this.#provider, options);
  }
}

/** One breaker has one policy: of two, the last to be given would silently hold for both methods. */
function refuseTwoPolicies(methods: readonly DecoratedMethod[]): void {
  const first = new Map<string, DecoratedMethod>();
  for (const method of methods) {
    const { name, policy } = method.options;
    if (policy === undefined) continue;
    const known = first.get(name) ?? method;
    first.set(name, known);
    if (!isDeepStrictEqual(known.options.policy, policy))
      throw twoPolicies(name, placeOf(known), placeOf(method));
  }
}

const placeOf = ({ prototype, key }: DecoratedMethod): string =>
  `${prototype.constructor.name}.${String(key)}`;
