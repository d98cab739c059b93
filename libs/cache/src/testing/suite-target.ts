import { randomBytes } from 'node:crypto';
import { isInfraError, type Clock } from '@infra-kit/kernel';
import { eventually } from '@infra-kit/kernel/testing';
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
  /** The clock of store and caches, where a test can move it. */
  readonly clock?: Clock | undefined;
  /** Lets the store's time pass, where a test can; absent: the suite waits for the real one. */
  readonly passTime?: ((ms: number) => Promise<void>) | undefined;
}

/** What a test of the suite works with. */
export interface Bench {
  readonly cache: CacheProvider;
  readonly driver: CacheDriver;
  /** A further cache on the same store, as another instance of the service has it. */
  readonly another: () => Promise<CacheProvider>;
  /** A key no other test uses. */
  readonly key: (name: string) => string;
  /** The key as the driver knows it. */
  readonly stored: (key: string) => string;
  readonly passTime: (ms: number) => Promise<void>;
  /** Looks at what another cache has done: at once, or until it has arrived where there is a near cache. */
  readonly arrives: (look: () => Promise<void>) => Promise<void>;
}

export type SuiteTest = (bench: Bench) => Promise<void>;

/** For calls made to the driver itself. */
export const ANY_TIME: DriverCall = { signal: new AbortController().signal };

export const isCode =
  (code: string) =>
  (error: unknown): boolean =>
    isInfraError(error) && error.code === code;

export const randomName = (name: string): string => `${name}-${randomBytes(6).toString('hex')}`;

/** How fast a driver answers is not what the suite asks. */
export const PATIENT = { commandTimeoutMs: 20_000, connectTimeoutMs: 20_000 } as const;

/** A cache on a driver of its own, for the time of one test. */
export async function onTarget(
  target: CacheSuiteTarget,
  options: CacheOptions,
  test: SuiteTest,
): Promise<void> {
  const driver = await target.open();
  const open: CacheProvider[] = [];
  try {
    const another = async (): Promise<CacheProvider> => {
      const made = await createCache(
        { ...PATIENT, ...target.options, ...options, driver },
        { env: 'test', clock: target.clock },
      );
      open.push(made);
      return made;
    };
    const cache = await another();
    const mine = randomName('suite');
    await test({
      cache,
      driver,
      another,
      key: (name) => `${mine}:${name}`,
      stored: (key) => `${options.keyPrefix ?? ''}${key}`,
      arrives: target.options?.near === undefined ? (look) => look() : eventually,
      passTime: target.passTime ?? (async () => undefined),
    });
  } finally {
    await Promise.all(open.map((each) => each.close()));
    await driver.close();
  }
}
