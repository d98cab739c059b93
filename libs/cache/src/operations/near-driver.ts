import type { CacheDriver } from '../drivers/cache-driver.js';
import type { NearLevel } from './near-level.js';

/**
 * A driver whose reads fill the near level and whose writes void what it holds of their keys, so that every way to the
 * store does so. Reads always go to the store: what the near level has is asked for before.
 */
export function nearDriver(driver: CacheDriver, near: NearLevel): CacheDriver {
  const own: Partial<CacheDriver> = {
    get: (key, call) => near.fetch(key, call),
    getMany: (keys, call) => near.fetchMany(keys, call),
    set: (key, ...rest) => near.around([key], () => driver.set(key, ...rest)),
    setMany: (entries, ...rest) =>
      near.around(
        entries.map(([key]) => key),
        () => driver.setMany(entries, ...rest),
      ),
    getAndSet: (key, ...rest) => near.around([key], () => driver.getAndSet(key, ...rest)),
    delete: (keys, ...rest) => near.around(keys, () => driver.delete(keys, ...rest)),
    increment: (key, ...rest) => near.around([key], () => driver.increment(key, ...rest)),
    expire: (key, ...rest) => near.around([key], () => driver.expire(key, ...rest)),
    run: (script, keys, ...rest) => near.around(keys, () => driver.run(script, keys, ...rest)),
  };
  // all else is the driver's own, which has private fields: `this` must stay what it is
  return new Proxy(driver, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name) as unknown;
      const member = Reflect.get(target, name, target) as unknown;
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
