import type { LazyModuleLoader } from '@nestjs/core';
import {
  acceptReloads,
  buildComponent,
  reportClose,
  type ComponentDeps,
  type ComponentSetting,
} from '@infra-kit/kernel';
import { DefaultEsProvider } from './default-es.provider.js';
import type { EsDriver } from './drivers/es-driver.js';
import { MemoryEsDriver } from './drivers/memory/memory.driver.js';
import type { EsConfig, EsOptions } from './es.config.js';
import { esError, esPlace, type EsPlace } from './es.errors.js';
import type { EsProvider } from './es.provider.js';
import { CallRunner } from './operations/call-runner.js';
import { FieldCatalog } from './operations/field-catalog.js';
import { Names } from './operations/names.js';
import { isEsDriver, parseEsConfig, structuralChanges } from './parse-es-config.js';

export interface EsDeps extends ComponentDeps {
  /** Given by the module: the client is then made by an `ElasticsearchModule` of the application. */
  readonly modules?: LazyModuleLoader | undefined;
}

/**
 * Makes an es. Configuration: what is passed, then ELASTICSEARCH_URL, then `defaultEsConfig(env)`. Rejects with a
 * `ConfigError` for a bad configuration, and leaves nothing open then. It connects when it is first used: a cluster that
 * is away does not stop a start. The maker closes it; a driver object that was passed in stays open.
 */
export function createEs(config: EsOptions = {}, deps: EsDeps = {}): Promise<EsProvider> {
  return buildComponent('es', deps, (setting) => assemble(config, setting, deps.modules));
}

async function assemble(
  options: EsOptions,
  setting: ComponentSetting,
  modules: LazyModuleLoader | undefined,
): Promise<EsProvider> {
  const { name, env, stack, clock, logger } = setting;
  const place = esPlace(name);
  const parse = (input: unknown): EsConfig => parseEsConfig(input, { env, instance: name });
  const started = parse(options);
  let current = started;
  const settings = (): EsConfig => current;

  const driver = await openDriver(started, setting, modules);
  const runner = new CallRunner(driver, place, clock, settings);
  stack.push({ name: place.label, phase: 'connections', close: () => runner.close() });
  acceptReloads(setting, {
    options,
    parse,
    apply: (next) => {
      current = next;
      return structuralChanges(started, next);
    },
  });
  const engine = {
    place,
    driver,
    runner,
    names: new Names(place, started.indexPrefix),
    catalog: new FieldCatalog(driver, runner, place, clock),
    clock,
    logger,
    stack,
    settings,
  };
  return new DefaultEsProvider(engine, async () => {
    reportClose(logger, await stack.close());
  });
}

async function openDriver(
  config: EsConfig,
  { name, stack }: ComponentSetting,
  modules: LazyModuleLoader | undefined,
): Promise<EsDriver> {
  if (isEsDriver(config.driver)) return config.driver;
  const place = esPlace(name);
  const driver =
    config.driver === 'elasticsearch' ? await openServer(config, place, modules) : new MemoryEsDriver();
  stack.push({ name: `${place.label} ${driver.kind}`, phase: 'connections', close: () => driver.close() });
  return driver;
}

async function openServer(
  config: EsConfig,
  place: EsPlace,
  modules: LazyModuleLoader | undefined,
): Promise<EsDriver> {
  const { nodes = [], auth, tls, compression } = config;
  const { elasticsearchDriver } = await loadElasticsearch(place);
  return elasticsearchDriver({ nodes, auth, tls, compression, name: place.name }, modules);
}

async function loadElasticsearch(place: EsPlace): Promise<typeof import('./drivers/elasticsearch/index.js')> {
  try {
    return await import('./drivers/elasticsearch/index.js');
  } catch (error) {
    throw esError(
      place,
      'FAILED_PRECONDITION',
      "driver 'elasticsearch' needs two packages; install them: npm i @elastic/elasticsearch @nestjs/elasticsearch",
      { cause: error },
    );
  }
}
