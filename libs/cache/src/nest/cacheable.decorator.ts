import { decorateMethod, type AsyncMethodDecorator, type MethodCall } from '@infra-kit/kernel';
import { defer, from, isObservable, lastValueFrom } from 'rxjs';
import { cachePlace, invalidArgument, NoValueError, shown } from '../cache.errors.js';
import type { CacheGetOrSetOptions, CacheProvider } from '../cache.provider.js';
import { getCacheToken } from '../cache.tokens.js';

/** Called with the method's arguments; `this` is the instance. */
// oxlint-disable-next-line typescript/no-explicit-any -- the parameters are the method's own
export type FromArguments<T> = (...args: any[]) => T;

export interface CacheableOptions extends Pick<
  CacheGetOrSetOptions,
  'ttlMs' | 'staleMs' | 'negativeTtlMs' | 'beta'
> {
  /** The entry's key, as `get` and `delete` of the same cache know it. */
  readonly key: FromArguments<string>;
  readonly tags?: readonly string[] | FromArguments<readonly string[]> | undefined;
  /** The instance's name; default: the cache without a name. */
  readonly cache?: string | undefined;
}

const DECORATOR = '@Cacheable';

/**
 * Answers from the cache, else runs the method and stores what it gives: `getOrSet` around any provider's method, with
 * all it promises. `undefined` is given back and not stored; of an Observable the last value is. Those who wait for one
 * run share its value as one object. Its errors come out as they are, and are not stored (`negativeTtlMs` excepted).
 */
export function Cacheable(options: CacheableOptions): AsyncMethodDecorator {
  checkWhere(DECORATOR, options);
  const { key, tags, cache, ...times } = options;
  if (typeof key !== 'function')
    throw invalidArgument(
      cachePlace(cache ?? 'default'),
      `${DECORATOR}: key must be a function, got ${shown(key)}`,
    );
  if (!(times.ttlMs > 0))
    throw invalidArgument(
      cachePlace(cache ?? 'default'),
      `${DECORATOR}: ttlMs must be milliseconds > 0, got ${shown(times.ttlMs)}`,
    );

  const through = async ({ provider, self, args, proceed }: MethodCall<CacheProvider>): Promise<unknown> => {
    const load = async (): Promise<unknown> => {
      const answer = proceed();
      return isObservable(answer) ? lastValueFrom(answer, { defaultValue: undefined }) : answer;
    };
    const name = Reflect.apply(key, self, args);
    try {
      return await provider.getOrSet(name, load, { ...times, tags: tagsOf(tags, self, args) });
    } catch (error) {
      // there is nothing to store, and whoever waited for it gets just that
      if (error instanceof NoValueError && error.key === name) return undefined;
      throw error;
    }
  };
  return decorateMethod<CacheProvider>({
    decorator: DECORATOR,
    token: getCacheToken(cache),
    around: (call) => (call.streams ? defer(() => from(through(call))) : through(call)),
  });
}

/** Of the options of a decorator, what can be told where it stands. */
export function checkWhere(decorator: string, options: Pick<CacheableOptions, 'tags' | 'cache'>): void {
  if (typeof options !== 'object' || options === null)
    throw invalidArgument(
      cachePlace('default'),
      `${decorator}: options must be an object, got ${shown(options)}`,
    );
  const { tags, cache } = options;
  if (tags !== undefined && typeof tags !== 'function' && !Array.isArray(tags))
    throw invalidArgument(
      cachePlace(cache ?? 'default'),
      `${decorator}: tags must be a list or a function, got ${shown(tags)}`,
    );
}

export function tagsOf(
  tags: CacheableOptions['tags'],
  self: object,
  args: readonly unknown[],
): readonly string[] | undefined {
  return typeof tags === 'function' ? Reflect.apply(tags, self, args) : tags;
}
