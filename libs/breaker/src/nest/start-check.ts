import type { OnModuleInit } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { DEFAULT_INSTANCE } from '@infra-kit/kernel';
import type { BreakerProvider } from '../breaker.provider.js';
import { breakerFor } from './breaker-for.js';
import { selfFallback, unknownFallback } from './circuit-breaker.decorator.js';
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
    for (const method of decoratedMethods(this.#modules))
      if ((method.options.provider ?? DEFAULT_INSTANCE) === this.#provider.name) this.#check(method);
  }

  #check({ prototype, key, options }: DecoratedMethod): void {
    const { fallback } = options;
    if (fallback === key) throw selfFallback(`${prototype.constructor.name}.${key}`);
    if (typeof fallback === 'string' && typeof Reflect.get(prototype, fallback) !== 'function')
      throw unknownFallback(`${prototype.constructor.name}.${String(key)}`, fallback);
    breakerFor(this.#provider, options);
  }
}
