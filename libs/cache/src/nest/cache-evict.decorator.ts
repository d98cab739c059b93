import { decorateMethod, NestLogger, type AsyncMethodDecorator, type MethodCall } from '@infra-kit/kernel';
import { concat, defer, ignoreElements, isObservable, throwError } from 'rxjs';
import { cachePlace, invalidArgument } from '../cache.errors.js';
import type { CacheProvider } from '../cache.provider.js';
import { getCacheToken } from '../cache.tokens.js';
import { checkedKey } from '../operations/key-space.js';
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

/** What one call is to evict. */
interface Evicted {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
}

const DECORATOR = '@CacheEvict';

/**
 * Deletes entries, or makes them void by their tags, when the method has succeeded, before its caller hears of it. A
 * method that fails evicts nothing. `key` and `tags` are asked before the method runs: where they throw, or name what is
 * no key, it does not run. When the eviction fails, the cache server being away or whatever else, the method's answer
 * stands, and a warning is logged: the entries stay until they expire. An entry that another process is loading meanwhile is only made void by a tag.
 */
export function CacheEvict(options: CacheEvictOptions): AsyncMethodDecorator {
  checkWhere(DECORATOR, options);
  const { key, tags, cache } = options;
  if (typeof key !== 'function' && (key !== undefined || tags === undefined))
    throw invalidArgument(
      cachePlace(cache ?? 'default'),
      `${DECORATOR}: key must be a function, or tags be given`,
    );

  const place = cachePlace(cache ?? 'default');
  const wanted = ({ self, args }: MethodCall<CacheProvider>): Evicted => {
    const named = key === undefined ? [] : Reflect.apply(key, self, args);
    const keys = Array.isArray(named) ? named : [named];
    const voided = tagsOf(tags, self, args) ?? [];
    for (const each of keys) checkedKey(place, each, 'key');
    for (const each of voided) checkedKey(place, each, 'tag');
    return { keys, tags: voided };
  };
  /** The method's effect is there: whatever happens now, its caller is not told that it failed. */
  const evict = async (provider: CacheProvider, evicted: Evicted): Promise<void> => {
    const outcomes = await Promise.allSettled([
      evicted.keys.length > 0 ? provider.delete(evicted.keys) : undefined,
      evicted.tags.length > 0 ? provider.invalidateTags(evicted.tags) : undefined,
    ]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined)
      new NestLogger('cache').warn('entries could not be evicted and stay until they expire', {
        err: failed.reason,
      });
  };
  const after = async (provider: CacheProvider, evicted: Evicted, answer: unknown): Promise<unknown> => {
    const value = await answer;
    await evict(provider, evicted);
    return value;
  };
  return decorateMethod<CacheProvider>({
    decorator: DECORATOR,
    token: getCacheToken(cache),
    around: (call) => {
      const { provider, streams, proceed } = call;
      let evicted: Evicted;
      try {
        evicted = wanted(call);
      } catch (error) {
        return streams ? throwError(() => error) : Promise.reject(error as Error);
      }
      const answer = proceed();
      if (isObservable(answer))
        return concat(answer, defer(() => evict(provider, evicted)).pipe(ignoreElements()));
      return after(provider, evicted, answer);
    },
  });
}
