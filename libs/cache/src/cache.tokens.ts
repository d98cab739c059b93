import { Inject, type InjectionToken } from '@nestjs/common';
import { instanceToken } from '@infra-kit/kernel';
import { CacheProvider } from './cache.provider.js';

/** The injection token of a cache: the abstract class, or a symbol of the instance's name. */
export function getCacheToken(name?: string): InjectionToken {
  return instanceToken('cache', CacheProvider, name);
}

/** Injects a cache by name: `@InjectCache('sessions')`. Without a name the type alone does: `constructor(cache: CacheProvider)`. */
export function InjectCache(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getCacheToken(name));
}
