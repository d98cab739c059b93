import {
  acceptReloads,
  buildComponent,
  InfraError,
  isInfraError,
  messageOf,
  reportClose,
  type ComponentDeps,
  type ComponentSetting,
  type InfraErrorCode,
} from '@infra-kit/kernel';
import type { CoordConfig, CoordOptions } from './coord.config.js';
import { coordError, coordPlace, type CoordPlace } from './coord.errors.js';
import { openParts } from './coord-parts.js';
import type { CoordProvider } from './coord.provider.js';
import { stateCounter } from './coord.telemetry.js';
import { DefaultCoordProvider } from './default-coord.provider.js';
import type { CoordDriver } from './drivers/coord-driver.js';
import { MemoryCoordDriver } from './drivers/memory/memory.driver.js';
import { CallRunner } from './operations/call-runner.js';
import type { CoordEngine } from './operations/coord-engine.js';
import { KeySpace } from './operations/key-space.js';
import { isCoordDriver, parseCoordConfig, structuralChanges } from './parse-coord-config.js';

/** What may pass by itself: with a snapshot to start from, the start does not wait for it. */
const AWAY: ReadonlySet<InfraErrorCode> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED']);

const START_IT = '; start the server, or correct the address (endpoints, ETCD_ENDPOINTS)';
const REMEDIES: Readonly<Partial<Record<InfraErrorCode, string>>> = {
  UNAVAILABLE: START_IT,
  DEADLINE_EXCEEDED: START_IT,
  PERMISSION_DENIED: '; correct username and password',
  UNIMPLEMENTED: '; who answers is not etcd: correct the address (endpoints, ETCD_ENDPOINTS)',
};

/**
 * Makes a coord. Configuration: what is passed, then ETCD_ENDPOINTS, then `defaultCoordConfig(env)`.
 * Rejects with a `ConfigError` for a bad configuration, and within `dialTimeoutMs` when the store cannot be used:
 * UNAVAILABLE when it is away, PERMISSION_DENIED for a wrong user or password, FAILED_PRECONDITION when one side wants
 * TLS as the other does not have it; it leaves nothing open then.
 * With `snapshotDir` a store that is away does not stop it: it connects in the background.
 * The maker closes it; a driver object that was passed in stays open.
 */
export function createCoord(config: CoordOptions = {}, deps: ComponentDeps = {}): Promise<CoordProvider> {
  return buildComponent('coord', deps, (setting) => assemble(config, setting));
}

async function assemble(options: CoordOptions, setting: ComponentSetting): Promise<CoordProvider> {
  const { name, env, service, stack, clock, logger } = setting;
  const place = coordPlace(name);
  const parse = (input: unknown): CoordConfig => parseCoordConfig(input, { env, instance: name });
  const started = parse(options);
  let current = started;
  const settings = (): CoordConfig => current;

  const driver = await openDriver(started, setting, place);
  const runner = new CallRunner(driver, place, settings);
  stack.push({ name: place.label, phase: 'connections', close: () => runner.close() });
  const keys = new KeySpace(place, rootOf(started.prefix));
  const engine: CoordEngine = {
    place,
    env,
    service,
    driver,
    runner,
    keys,
    clock,
    logger,
    stack,
    settings,
  };

  acceptReloads(setting, {
    options,
    parse,
    apply: (next) => {
      current = next;
      return structuralChanges(started, next);
    },
  });

  return new DefaultCoordProvider(engine, openParts(engine), async () => {
    reportClose(logger, await stack.close());
  });
}

const rootOf = (prefix: string): string => (prefix === '' || prefix.startsWith('/') ? prefix : `/${prefix}`);

async function openDriver(
  config: CoordConfig,
  setting: ComponentSetting,
  place: CoordPlace,
): Promise<CoordDriver> {
  const { stack, logger } = setting;
  const given = isCoordDriver(config.driver) ? config.driver : undefined;
  const driver = given ?? (await makeDriver(config, setting, place));
  if (given === undefined)
    stack.push({ name: `${place.label} ${driver.kind}`, phase: 'connections', close: () => driver.close() });
  try {
    await driver.connect();
  } catch (error) {
    const refusal = notReached(error, driver, place);
    if (config.snapshotDir === undefined || !AWAY.has(refusal.code)) throw refusal;
    logger.warn('the coordination store is away: starting from the snapshot', {
      ...driver.describe(),
      err: error,
    });
  }
  const watching = driver.onState((state, reason) => {
    stateCounter.add(1, { coord: place.name, state });
    if (state === 'down')
      logger.warn('the coordination store is away', { ...driver.describe(), err: reason });
    else logger.info('the coordination store is back', { ...driver.describe() });
  });
  stack.push({
    name: `${place.label} state`,
    phase: 'connections',
    close: () => watching[Symbol.dispose](),
  });
  return driver;
}

async function makeDriver(
  config: CoordConfig,
  setting: ComponentSetting,
  place: CoordPlace,
): Promise<CoordDriver> {
  if (config.driver !== 'etcd') return new MemoryCoordDriver({ clock: setting.clock });
  const { etcdDriver } = await loadEtcd(place);
  return etcdDriver(Object.assign({ endpoints: [] }, config));
}

async function loadEtcd(place: CoordPlace): Promise<typeof import('./drivers/etcd/index.js')> {
  try {
    return await import('./drivers/etcd/index.js');
  } catch (error) {
    throw coordError(
      place,
      'FAILED_PRECONDITION',
      "driver 'etcd' needs the package etcd3; install it: npm i etcd3",
      { cause: error },
    );
  }
}

function notReached(error: unknown, driver: CoordDriver, place: CoordPlace): InfraError {
  const code = isInfraError(error) ? error.code : (driver.codeOf(error) ?? InfraError.from(error).code);
  const remedy = REMEDIES[code] ?? '';
  return coordError(place, code, `cannot start, ${messageOf(error)}${remedy}`, { cause: error });
}
