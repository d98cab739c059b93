import type { Clock } from '@infra-kit/kernel';
import type { CacheConfig } from '../cache.config.js';
import type { CachePlace } from '../cache.errors.js';
import type { CacheDriver } from '../drivers/cache-driver.js';
import type { CallRunner } from './call-runner.js';
import type { EntryReader } from './entry-reader.js';
import type { GetOrSet } from './get-or-set.js';
import type { LivingEntries } from './living-entries.js';
import type { LockKeeper } from './lock-keeper.js';
import type { NearLevel } from './near-level.js';
import type { TagVersions } from './tag-versions.js';
import type { ValueCodec } from './value-codec.js';

/** What all namespaces of one cache share. */
export interface CacheEngine {
  readonly place: CachePlace;
  readonly driver: CacheDriver;
  readonly runner: CallRunner;
  readonly values: ValueCodec;
  readonly loads: GetOrSet;
  readonly entries: EntryReader;
  readonly living: LivingEntries;
  readonly locks: LockKeeper;
  readonly tags: TagVersions;
  /** The first level in the process, when there is one; `driver` fills and empties it. */
  readonly near: NearLevel | undefined;
  readonly clock: Clock;
  readonly settings: () => CacheConfig;
}
