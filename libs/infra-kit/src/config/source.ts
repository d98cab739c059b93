import type { ModuleMetadata } from '@nestjs/common';
import type { DbEntity } from '@infra-kit/db';
import { ConfigError, type InjectionEntry } from '@infra-kit/kernel';
import { instanceLabel, type Instance } from './components.js';
import { isInstanceOption, parseEntry, requestedInstances, type RequestedInstance } from './instances.js';

/** What was asked for, once it is known. */
export interface Requested {
  readonly options: object;
  readonly instances: readonly RequestedInstance[];
}

/** Where the configuration comes from, and what is loaded: that must be known before the configuration is. */
export interface Source {
  readonly loads: readonly Instance[];
  readonly imports: NonNullable<ModuleMetadata['imports']>;
  readonly inject: readonly InjectionEntry[];
  readonly read: (...args: unknown[]) => Promise<Requested>;
}

export function constantSource(options: object): Source {
  refuseUnlessObject('forRoot', options);
  const instances = requestedInstances(options);
  return { loads: instances, imports: [], inject: [], read: () => Promise.resolve({ options, instances }) };
}

interface AsyncInput {
  readonly components: readonly string[];
  readonly entities?: readonly DbEntity[] | undefined;
  readonly imports?: ModuleMetadata['imports'] | undefined;
  readonly inject?: readonly InjectionEntry[] | undefined;
  readonly useFactory: (...args: never[]) => unknown;
}

function refuseUnlessObject(method: string, options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw new ConfigError('infra-kit', [`InfraKitModule.${method} takes an object of settings`]);
}

export function factorySource(options: AsyncInput): Source {
  refuseUnlessObject('forRootAsync', options);
  const { components, entities, imports, inject, useFactory } = options;
  if (!Array.isArray(components) || typeof useFactory !== 'function')
    throw new ConfigError('infra-kit', [
      'InfraKitModule.forRootAsync takes { components: [...], useFactory }',
    ]);
  const loads = components.map((entry) => {
    const instance = parseEntry(entry);
    if (instance === undefined)
      throw new ConfigError('infra-kit', [
        `components: unknown entry '${entry}'; write 'cache', or 'cache:sessions' for a named one`,
      ]);
    return instance;
  });
  if (entities !== undefined && !loads.some(({ component }) => component === 'db'))
    throw new ConfigError('infra-kit', ["entities: there is no database for them; add 'db' to components"]);
  const factory = useFactory as (...args: unknown[]) => unknown;
  return {
    loads,
    imports: imports ?? [],
    inject: inject ?? [],
    read: async (...args) => {
      const { options: own, instances } = splitByEntry(loads, Object(await factory(...args)) as object);
      return { options: own, instances: instances.map((instance) => withEntities(instance, entities)) };
    },
  };
}

function withEntities(
  instance: RequestedInstance,
  entities: readonly DbEntity[] | undefined,
): RequestedInstance {
  if (instance.component !== 'db' || entities === undefined) return instance;
  return { ...instance, options: { entities, ...instance.options } };
}

/** The factory's result has a key an entry; each becomes the options of that instance. */
function splitByEntry(loads: readonly Instance[], result: object): Requested {
  const labels = loads.map((instance) => instanceLabel(instance));
  const missing = labels
    .filter((label) => Reflect.get(result, label) === undefined)
    .map(
      (label) =>
        `${label}: named in components, missing in the factory's result; add it, or true for its defaults`,
    );
  const extra = Object.keys(result)
    .filter((key) => parseEntry(key) !== undefined && !labels.includes(key))
    .map((key) => `${key}: in the factory's result, missing in components; add '${key}' there`);
  const shapeless = labels
    .filter(
      (label) => Reflect.get(result, label) !== undefined && !isInstanceOption(Reflect.get(result, label)),
    )
    .map((label) => `${label}: must be true or a configuration; take it out of components to do without it`);
  const problems = [...missing, ...extra, ...shapeless];
  if (problems.length > 0) throw new ConfigError('infra-kit', problems);
  const own = Object.fromEntries(Object.entries(result).filter(([key]) => !labels.includes(key)));
  const instances = loads.map((instance) => {
    const given: unknown = Reflect.get(result, instanceLabel(instance));
    return { ...instance, options: given === true ? {} : (Object(given) as object) };
  });
  return { options: own, instances };
}
