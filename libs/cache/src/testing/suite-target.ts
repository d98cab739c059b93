import { randomBytes } from 'node:crypto';
import { isInfraError } from '@infra-kit/kernel';
import { createCache } from '../create-cache.js';
import type { CacheOptions } from '../cache.config.js';
import type { CacheProvider } from '../cache.provider.js';
import type { CacheDriver, DriverCall } from '../drivers/cache-driver.js';

/** The two functions of any test runner: jest, vitest, node:test. */
export interface SuiteRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
}

export interface CacheSuiteTarget {
  readonly name: string;
  /** A driver on a store that the whole suite may share; the suite closes it. It keeps to keys of its own making. */
  readonly open: () => CacheDriver | Promise<CacheDriver>;
  /** Further configuration of the caches under test, such as a near cache. */
  readonly options?: CacheOptions | undefined;
  /** Lets the store's time pass, where a test can; absent: the suite waits for the real one. */
  readonly passTime?: ((ms: number) => Promise<void>) | undefined;
}

/** What a test of the suite works with. */
export interface Bench {
  readonly cache: CacheProvider;
  readonly driver: CacheDriver;
  /** A key no other test uses. */
  readonly key: (name: string) => string;
  /** The key as the driver knows it. */
  readonly stored: (key: string) => string;
  readonly passTime: (ms: number) => Promise<void>;
}

export type SuiteTest = (bench: Bench) => Promise<void>;

/** For calls made to the driver itself. */
export const ANY_TIME: DriverCall = { signal: new AbortController().signal };

export const isCode =
  (code: string) =>
  (error: unknown): boolean =>
    isInfraError(error) && error.code === code;

export const randomName = (name: string): string => `${name}-${randomBytes(6).toString('hex')}`;

/** A cache on a driver of its own, for the time of one test. */
export async function onTarget(
  target: CacheSuiteTarget,
  options: CacheOptions,
  test: SuiteTest,
): Promise<void> {
  const driver = await target.open();
  try {
    const cache = await createCache({ ...target.options, ...options, driver }, { env: 'test' });
    const mine = randomName('suite');
    await test({
      cache,
      driver,
      key: (name) => `${mine}:${name}`,
      stored: (key) => `${options.keyPrefix ?? ''}${key}`,
      passTime: target.passTime ?? (async () => undefined),
    });
    await cache.close();
  } finally {
    await driver.close();
  }
}
