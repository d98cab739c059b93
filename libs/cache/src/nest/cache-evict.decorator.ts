import {
  decorateMethod,
  isInfraError,
  NestLogger,
  type AsyncMethodDecorator,
  type MethodCall,
} from '@infra-kit/kernel';
import { concat, defer, ignoreElements, isObservable } from 'rxjs';
import { cachePlace, invalidArgument } from '../cache.errors.js';
import type { CacheProvider } from '../cache.provider.js';
import { getCacheToken } from '../cache.tokens.js';
import { checkWhere, tagsOf, type CacheableOptions, type FromArguments } from './cacheable.decorator.js';

interface EvictKey {
  /** The key, or keys, to delete. */
  readonly key: FromArguments<string | readonly string[]>;
  readonly tags?: CacheableOptions['tags'];
}
interface EvictTags {
  readonly key?: EvictKey['key'] | undefined;
  readonly tags: NonNullable<CacheableOptions['tags']>;
}
export type CacheEvictOptions = (EvictKey | EvictTags) & {
  /** The instance's name; default: the cache without a name. */
  readonly cache?: string | undefined;
};

const AWAY: ReadonlySet<string> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED']);
const DECORATOR = '@CacheEvict';

/**
 * Deletes entries, or makes them void by their tags, when the method has succeeded, before its caller hears of it. A
 * method that fails evicts nothing. With the cache server away the method's answer stands, and a warning is logged:
 * the entries stay until they expire. An entry that another process is loading meanwhile is only made void by a tag.
 */
export function CacheEvict(options: CacheEvictOptions): AsyncMethodDecorator {
  checkWhere(DECORATOR, options);
  const { key, tags, cache } = options;
  if (typeof key !== 'function' && (key !== undefined || tags === undefined))
    throw invalidArgument(
      cachePlace(cache ?? 'default'),
      `${DECORATOR}: key must be a function, or tags be given`,
    );

  const evict = async ({ provider, self, args }: MethodCall<CacheProvider>): Promise<void> => {
    const keys = key === undefined ? [] : Reflect.apply(key, self, args);
    const voided = tagsOf(tags, self, args) ?? [];
    try {
      await Promise.all([
        provider.delete(typeof keys === 'string' ? [keys] : keys),
        provider.invalidateTags(voided),
      ]);
    } catch (err) {
      if (!isInfraError(err) || !AWAY.has(err.code)) throw err;
      new NestLogger('cache').warn('entries could not be evicted and stay until they expire', { err });
    }
  };
  const after = async (call: MethodCall<CacheProvider>, answer: unknown): Promise<unknown> => {
    const value = await answer;
    await evict(call);
    return value;
  };
  return decorateMethod<CacheProvider>({
    decorator: DECORATOR,
    token: getCacheToken(cache),
    around: (call) => {
      const answer = call.proceed();
      if (isObservable(answer)) return concat(answer, defer(() => evict(call)).pipe(ignoreElements()));
      return after(call, answer);
    },
  });
}
