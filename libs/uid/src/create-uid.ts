import {
  buildComponent,
  ConfigError,
  isProductionLike,
  parseConfig,
  type ComponentDeps,
  type ComponentSetting,
} from '@infra-kit/kernel';
import { DefaultUidProvider } from './default-uid.provider.js';
import { FixedWorkerIdSource } from './instance-id/fixed-worker-id.source.js';
import { InstanceIdHolder } from './instance-id/instance-id-holder.js';
import { RandomWorkerIdSource } from './instance-id/random-worker-id.source.js';
import { SnowflakeIssuer } from './snowflake/snowflake-issuer.js';
import { Timeline } from './snowflake/timeline.js';
import { resolveUidConfig, UidConfig, type UidOptions } from './uid.config.js';
import type { UidProvider } from './uid.provider.js';
import type { WorkerIdSource } from './worker-id-source.js';

export interface UidDependencies {
  /** Where an automatic instance id is leased; closed by whoever made it. */
  readonly workerIdSource?: WorkerIdSource | undefined;
}
export type UidDeps = ComponentDeps & UidDependencies;

interface Origin {
  readonly origin: 'fixed' | 'leased' | 'random';
  readonly source: WorkerIdSource;
}

function originOf(config: UidConfig, given: WorkerIdSource | undefined, setting: ComponentSetting): Origin {
  if (config.instanceId !== 0) return { origin: 'fixed', source: new FixedWorkerIdSource(config.instanceId) };
  if (given !== undefined) return { origin: 'leased', source: given };
  if (isProductionLike(setting.env))
    throw new ConfigError(
      'uid',
      [
        `instanceId: in ${setting.env} no two processes may have one id: set instanceId (INSTANCE_ID) to a number of 1 to ${config.maxInstanceId} that is this process's alone, or give a workerIdSource (InfraKitModule.forRoot({ coord: … }) brings one)`,
      ],
      setting.name,
    );
  setting.logger.warn(
    'the instance id is random: two processes may have the same one; set INSTANCE_ID, or lease it from coord',
  );
  return { origin: 'random', source: new RandomWorkerIdSource() };
}

/**
 * Makes a provider, leasing an instance id unless one is configured. After a crash it waits out the rest of the id's
 * high-water mark, at most `highWaterAheadMs`.
 * Rejects with INVALID_ARGUMENT (configuration), RESOURCE_EXHAUSTED (no id is free) or what the source says.
 */
export function createUid(options: UidOptions = {}, deps: UidDeps = {}): Promise<UidProvider> {
  return buildComponent('uid', deps, async (setting) => {
    const { name, env, service, clock, logger, stack, reload } = setting;
    const config = resolveUidConfig(options, { env, service, name, now: clock.now() });
    const { origin, source } = originOf(config, deps.workerIdSource, setting);
    const timeline = new Timeline(config.epochMs);
    const holder = new InstanceIdHolder(config, { name, source, clock, logger, timeline });
    const issuer = new SnowflakeIssuer(config.maxRollbackMs, { name, clock, timeline, holder });
    const provider = new DefaultUidProvider({
      name,
      epochMs: config.epochMs,
      origin,
      clock,
      stack,
      holder,
      issuer,
    });
    await holder.start();

    const registration = reload?.register<UidConfig>({
      component: 'uid',
      instance: name,
      parse: (document) => parseConfig(UidConfig, Object.assign({}, config, document), setting),
      apply: ({ maxRollbackMs, highWaterAheadMs, ...rest }) => {
        holder.reconfigure({ maxRollbackMs, highWaterAheadMs });
        issuer.maxRollbackMs = maxRollbackMs;
        return Object.entries(rest)
          .filter(([field, value]) => value !== Reflect.get(config, field))
          .map(([field]) => field);
      },
    });
    if (registration)
      stack.push({
        name: `uid(${name}) reload`,
        phase: 'intake',
        close: () => registration[Symbol.dispose](),
      });
    return provider;
  });
}
