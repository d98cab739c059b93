import { ConfigError, isProductionLike, type ComponentSetting } from '@infra-kit/kernel';
import type { CacheConfig } from '../cache.config.js';
import type { CachePlace } from '../cache.errors.js';
import type { CacheDriver } from '../drivers/cache-driver.js';
import { NearLevel } from './near-level.js';
import type { ValueCodec } from './value-codec.js';

/** The near level that the configuration asks for, told of changes from now on; none before a driver in the process. */
export async function openNear(
  driver: CacheDriver,
  given: {
    readonly config: CacheConfig;
    readonly values: ValueCodec;
    readonly place: CachePlace;
    readonly setting: ComponentSetting;
  },
): Promise<NearLevel | undefined> {
  const { config, values, place, setting } = given;
  const { clock, logger, stack, env } = setting;
  const { tracking } = driver;
  if (config.near === undefined) return undefined;
  if (driver.local) {
    logger.info(`near is left out: the ${driver.kind} driver is in this process already`);
    return undefined;
  }
  if (tracking === undefined)
    throw new ConfigError(
      'cache',
      [
        `near: the ${driver.kind} driver does not tell of changes, so nothing would keep it right; leave near out`,
      ],
      place.name,
    );
  const freeze = !isProductionLike(env);
  const near = new NearLevel({ place, config: config.near, tracking, values, clock, freeze });
  const following = await tracking.follow(
    { prefix: config.keyPrefix, pingMs: config.near.pingMs, now: () => clock.monotonic() },
    near,
  );
  stack.push({
    name: `${place.label} near`,
    phase: 'connections',
    close: async () => {
      await following[Symbol.asyncDispose]();
    },
  });
  return near;
}
